#!/bin/bash
# Init of the virtual SAN: two arrays by LIO, hosts' multipath, LVM and file systems over them, then questions.
# Everything below / is the machine's own tree, read-only; what must be writable is memory.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
told() { echo "$(cut -d' ' -f1 /proc/uptime) $*"; }
mount -t proc proc /proc
mount -t sysfs sys /sys
for place in /run /tmp /var /srv; do mount -t tmpfs memory $place; done

# An /etc of its own, so that nothing of the machine's decides what happens here.
mkdir -p /run/etc /run/lock /var/lib /var/lock
cp /etc/ld.so.cache /etc/nsswitch.conf /etc/mke2fs.conf /run/etc/
mount --bind /run/etc /etc
mkdir -p /etc/iscsi /etc/multipath /etc/lvm
echo root:x:0:0::/root:/bin/bash >/etc/passwd
echo root:x:0: >/etc/group
printf '127.0.0.1 localhost\n192.0.2.7 filer.example\n192.0.2.8 filer.example\n' >/etc/hosts
echo multi on >/etc/host.conf
: >/etc/fstab
ln -s /proc/self/mounts /etc/mtab
printf 'defaults {\n find_multipaths yes\n user_friendly_names yes\n}\noverrides {\n path_checker tur\n prio const\n}\n' \
  >/etc/multipath.conf
printf 'devices {\n use_devicesfile = 0\n}\nactivation {\n monitoring = 0\n}\n' >/etc/lvm/lvm.conf
echo InitiatorName=iqn.2026-11.example:guest >/etc/iscsi/initiatorname.iscsi
ip link set lo up

# Modules lie where the package puts them, not where modprobe looks.
mkdir -p /run/kernel/lib/modules
ln -s "/usr/lib/uml/modules/$(uname -r)" /run/kernel/lib/modules/
printf '#!/bin/sh\nexec /sbin/modprobe -d /run/kernel "$@"\n' >/run/modprobe
chmod 755 /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
/run/modprobe -a tcm_loop dm-multipath dm-round-robin sd_mod ext4 btrfs loop iscsi_target_mod iscsi_tcp
mount -t configfs configfs /sys/kernel/config

T=/sys/kernel/config/target
lun() { # name vendor product company-id serial pages
  mkdir -p "$T/core/rd_mcp_0/$1"
  cd "$T/core/rd_mcp_0/$1" || exit
  echo "rd_pages=$6" >control
  echo 1 >enable
  echo "$2" >wwn/vendor_id
  echo "$3" >wwn/product_id
  echo "$4" >wwn/company_id
  echo "$5" >wwn/vpd_unit_serial
  cd /
}
port() { # fabric/name luns...
  local number=0 group="$T/$1/tpgt_1" name
  shift
  mkdir -p "$group/lun"
  [ -e "$group/nexus" ] && printf naa.6001405000000001 >"$group/nexus"
  for name; do
    mkdir "$group/lun/lun_$number"
    ln -s "$T/core/rd_mcp_0/$name" "$group/lun/lun_$number/unit"
    number=$((number + 1))
  done
}
for one in data:a10 backup:a20 half:a30; do
  lun "sun-${one%:*}" SUN STK6780 0x00a0b8 "47b1e000000000000000000${one#*:}" 6144
done
for one in vault:b10 half:b20 iscsi:b30; do
  lun "fuji-${one%:*}" FUJITSU ETERNUS_DXL 0x00000e "d0d2000000000000000000${one#*:}" 6144
done

# Only the rules that disks need: each of the others costs a second.
mkdir /run/rules
cp /lib/udev/rules.d/{50-udev-default,55-dm,56-dm-mpath,56-lvm,60-multipath,60-persistent-storage,60-persistent-storage-dm,95-dm-notify}.rules \
  /run/rules/
mount --bind /run/rules /lib/udev/rules.d
/lib/systemd/systemd-udevd --daemon 2>/dev/null
port loopback/naa.200400a0b847b1e0 sun-data sun-backup sun-half
port loopback/naa.200500a0b847b1e0 sun-data sun-backup
port loopback/naa.500000e0d0d20100 fuji-vault fuji-half
port loopback/naa.500000e0d0d20200 fuji-vault
told both arrays offer their LUNs

I=iqn.2000-09.com.fujitsu:storage-system.eternus-dxl:00d0d2
port iscsi/$I fuji-iscsi
mkdir $T/iscsi/$I/tpgt_1/np/127.0.0.1:3260
echo 0 >$T/iscsi/$I/tpgt_1/attrib/authentication
echo 1 >$T/iscsi/$I/tpgt_1/attrib/generate_node_acls
echo 0 >$T/iscsi/$I/tpgt_1/attrib/demo_mode_write_protect
echo 1 >$T/iscsi/$I/tpgt_1/enable
iscsistart -i iqn.2026-11.example:guest -t $I -g 1 -a 127.0.0.1 -p 3260 >/dev/null 2>&1
told logged in by iSCSI
multipathd
udevadm settle

M=/dev/disk/by-id/dm-uuid-mpath-3
D=/dev/disk/by-id/wwn-0x
SUN=600a0b847b1e000000000000000000
FUJI=600000ed0d2000000000000000000
for try in {1..40}; do
  [ -e $M${SUN}a1 ] && [ -e $M${SUN}a2 ] && [ -e $M${FUJI}b10 ] && break
  sleep 0.25
done
told multipath has its maps

cd /srv
mkdir data backup vault mirror loop iscsi unmounted
volume() { # device group name
  vgcreate -q "$2" "$1" && lvcreate -q -Wn -Zn -n "$3" -l 100%FREE "$2"
  format "/dev/mapper/$2-$3" "$3"
}
format() { # device mount-point
  mkfs.ext4 -q -E nodiscard -O ^has_journal "$1" && mount "$1" "/srv/$2"
}
{
  volume $M${SUN}a1 vga data
  volume $M${SUN}a2 vgb backup
  format $M${FUJI}b10 vault
  format $D${FUJI}b30 iscsi
  mkfs.btrfs -q -K -M -d single -m single $D${SUN}a3 $D${FUJI}b20
  mount -t btrfs -o "device=$(readlink -f $D${FUJI}b20)" $D${SUN}a3 mirror
  truncate -s 4M data/repository.img
  mkfs.ext4 -q -O ^has_journal data/repository.img && mount -o loop data/repository.img loop
  echo kept >data/file
} >/run/made 2>&1
told file systems are mounted
cat /run/made

# A question is a line "user hex"; its answer "status hex hex". The far end closing, or `end`, ends the machine.
stty -F /dev/ttyS0 raw -echo
cat >/run/answer.pl <<'PERL'
use POSIX ();
open(my $line, '+<', '/dev/ttyS0') or die;
select($line);
$| = 1;
print "ready\n";
while (my $asked = <$line>) {
    my ($user, $question) = split ' ', $asked;
    last if $user eq 'end';
    my $child = fork() // die;
    if (!$child) {
        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>', '/run/out');
        open(STDERR, '>', '/run/err');
        if ($user ne 'root') { $) = $( = '65534 65534'; POSIX::setgid(65534); POSIX::setuid(65534); }
        exec('/bin/sh', '-c', pack('H*', $question));
    }
    waitpid($child, 0);
    my $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
    print join(' ', $status, map { local (@ARGV, $/) = $_; 'x' . unpack('H*', <> // '') } '/run/out', '/run/err'), "\n";
}
PERL
perl /run/answer.pl
told ends
echo o >/proc/sysrq-trigger
sleep 10
