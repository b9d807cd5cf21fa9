"""Questions and readers, one file per dialect of command line. Pure: bytes in, facts out."""

from gate.families import (
    brocade_fos,
    dothill,
    hitachi_ams,
    hitachi_vsp,
    nxos_mds,
    ontap,
    purity,
    storage_virtualize,
    sun_storagetek,
    three_par,
)
from gate.families.family import Family
from gate.inventory import ArrayFamily

FAMILIES: dict[ArrayFamily, Family] = {
    ArrayFamily.BROCADE_FOS: brocade_fos.FAMILY,
    ArrayFamily.DOTHILL: dothill.FAMILY,
    ArrayFamily.HITACHI_AMS: hitachi_ams.FAMILY,
    ArrayFamily.HITACHI_VSP: hitachi_vsp.FAMILY,
    ArrayFamily.NXOS_MDS: nxos_mds.FAMILY,
    ArrayFamily.ONTAP: ontap.FAMILY,
    ArrayFamily.PURITY: purity.FAMILY,
    ArrayFamily.STORAGE_VIRTUALIZE: storage_virtualize.FAMILY,
    ArrayFamily.SUN_STORAGETEK: sun_storagetek.FAMILY,
    ArrayFamily.THREE_PAR: three_par.FAMILY,
}
"""Every dialect of arrays that the gate can speak."""
