"""How each family's arrays are simulated: one file per dialect, written without looking at the reader of the family."""

from gate.inventory import ArrayFamily
from gate.lab.array import Array
from gate.lab.dialects.brocade_fos import BrocadeFos
from gate.lab.dialects.dothill import DotHill
from gate.lab.dialects.hitachi_ams import HitachiAms
from gate.lab.dialects.hitachi_vsp import HitachiVsp
from gate.lab.dialects.nxos_mds import NxosMds
from gate.lab.dialects.ontap import Ontap
from gate.lab.dialects.purity import Purity
from gate.lab.dialects.storage_virtualize import StorageVirtualize
from gate.lab.dialects.sun_storagetek import SunStoragetek
from gate.lab.dialects.three_par import ThreePar

DIALECTS: dict[ArrayFamily, type[Array]] = {
    ArrayFamily.BROCADE_FOS: BrocadeFos,
    ArrayFamily.NXOS_MDS: NxosMds,
    ArrayFamily.DOTHILL: DotHill,
    ArrayFamily.HITACHI_AMS: HitachiAms,
    ArrayFamily.HITACHI_VSP: HitachiVsp,
    ArrayFamily.PURITY: Purity,
    ArrayFamily.ONTAP: Ontap,
    ArrayFamily.STORAGE_VIRTUALIZE: StorageVirtualize,
    ArrayFamily.SUN_STORAGETEK: SunStoragetek,
    ArrayFamily.THREE_PAR: ThreePar,
}
"""A family that is not here can be in an inventory; a lab cannot be started with it."""
