//! What iced has a mnemonic for, and no kernel can have.

use crate::isa::effects::entry::{Absence, absent};
use crate::isa::effects::table::rows;

rows! {
    absent(Absence::ForDecoders) => Fstpnce Reservednop Undoc Xstore_alt Xsha512_alt;
    absent(Absence::KnightsCorner) =>
        Clevict0 Clevict1 Delay Jknzd Jkzd Kand Kandn Kandnr Kconcath Kconcatl Kextract Kmerge2l1h
        Kmerge2l1l Kmov Knot Kor Kortest Kxnor Kxor Spflt Tzcnti Vaddnpd Vaddnps Vaddsetsps
        Vcvtfxpntdq2ps Vcvtfxpntpd2dq Vcvtfxpntpd2udq Vcvtfxpntps2dq Vcvtfxpntps2udq
        Vcvtfxpntudq2ps Vexp223ps Vfixupnanpd Vfixupnanps Vfmadd233ps Vgatherpf0hintdpd
        Vgatherpf0hintdps Vgmaxabsps Vgmaxpd Vgmaxps Vgminpd Vgminps Vloadunpackhd Vloadunpackhpd
        Vloadunpackhps Vloadunpackhq Vloadunpackld Vloadunpacklpd Vloadunpacklps Vloadunpacklq
        Vlog2ps Vmovnrapd Vmovnraps Vmovnrngoapd Vmovnrngoaps Vpackstorehd Vpackstorehpd
        Vpackstorehps Vpackstorehq Vpackstoreld Vpackstorelpd Vpackstorelps Vpackstorelq Vpadcd
        Vpaddsetcd Vpaddsetsd Vpcmpltd Vpermf32x4 Vpmadd231d Vpmadd233d Vpmulhd Vpmulhud Vprefetch0
        Vprefetch1 Vprefetch2 Vprefetche0 Vprefetche1 Vprefetche2 Vprefetchenta Vprefetchnta Vpsbbd
        Vpsbbrd Vpsubrd Vpsubrsetbd Vpsubsetbd Vrcp23ps Vrndfxpntpd Vrndfxpntps Vrsqrt23ps Vscaleps
        Vscatterpf0hintdpd Vscatterpf0hintdps Vsubrpd Vsubrps;
    absent(Absence::NoInstruction) => INVALID Db Dd Dq Dw Zero_bytes;
    absent(Absence::Not64Bit) =>
        Aaa Aad Aam Aas Arpl Bound Cl1invmb Daa Das Frstpm Fstdw Fstsg Ibts Into Jcxz Jmpe Lds Les
        Loadall Pfrcpv Pfrsqrtv Popa Pusha Salc Umov Xbts Fnstdw Fnstsg Rdshr Wrshr Smint Dmint Rdm
        Svdc Rsdc Svldt Rsldt Svts Rsts Bb0_reset Bb1_reset Cpu_write Cpu_read Altinst Paveb
        Paddsiw Pmagw Pdistib Psubsiw Pmvzb Pmvnzb Pmvlzb Pmvgezb Pmulhriw Pmachriw Ftstp Frint2
        Frichop Frinear Pushad Popad Pushfd Popfd Storeall;
    absent(Absence::Withdrawn) =>
        Bndcl Bndcn Bndcu Bndldx Bndmk Bndmov Bndstx Pcommit Rdudbg Wrudbg;
}
