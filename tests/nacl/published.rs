//! Test vectors of Native Client's own validator (`validator_ragel/testdata/64`): the same bytes,
//! the same verdict.

use peach_compiler::sandbox::validate;

/// Bytes, and the offset of the first instruction that is refused, if any is.
const VECTORS: &[(&str, Option<usize>)] = &[
    // ambig-segment, bad66, nacl_illegal, invalid_width_index
    ("64 65 00 c0", Some(0)),
    ("66 00 c0", Some(0)),
    ("c3", Some(0)),
    ("66 83 e1 e0 49 89 44 cf 36", Some(4)),
    // change-subregs
    ("66 29 c4", Some(0)),
    ("66 29 c5", Some(0)),
    ("47 29 c7", Some(0)),
    ("40 88 c5", Some(0)),
    // extensions
    (
        "da c1 0f 31 0f 71 d0 01 66 0f 71 d0 01 66 0f d0 c8 66 0f 38 38 c8 66 0f 38 37 c8 90 90 90 90 \
         90 89 c0 f2 41 0f 2b 04 07 f3 48 0f b8 c0 f3 48 0f bd c0 89 c0 49 0f 38 f1 04 07 90 66 0f 38 \
         08 c8 0f 0f c8 0d 0f 0f c8 1c 66 0f 73 d8 01",
        None,
    ),
    // indirect_jmp_masked, jump_atomic, jump_not_atomic
    ("83 e2 e0 4c 01 fa ff e2 83 e2 e0 4d 8d 0c 17 41 ff e1", Some(0xF)),
    ("eb 00 83 e2 e0 4c 01 fa ff e2", None),
    ("eb 03 83 e2 e0 4c 01 fa ff e2", Some(0)),
    // and_rsp
    ("48 83 e4 ff", None),
    ("48 81 e4 ff ff ff ff", Some(0)),
    ("48 83 e4 01", Some(0)),
    ("48 81 e4 ff 00 00 00", Some(0)),
    // maskmov_test
    ("89 ff 49 8d 3c 3f 0f f7 d1", None),
    ("01 ff 49 8d 3c 3f 0f f7 d1", Some(6)),
    ("89 ff 49 8d 3c 3f 66 0f f7 d1", None),
    // lea-rbp-rsp-order, mov-lea-rbp-bad-2
    ("89 e5 49 8d 2c 2f", Some(2)),
    ("89 e5 4a 8d 6c 3d 00 89 e5 4a 8d ac 3d 00 00 00 00", None),
    ("89 ec 4a 8d 24 3c 89 ec 4a 8d 64 3c 00 89 ec 4a 8d a4 3c 00 00 00 00", None),
    ("89 cd 4a 8d 6c 35 00", Some(2)),
    // restricted_registers
    ("89 f1 48 89 ec 8b 1c 0c", Some(5)),
    ("89 f1 48 89 e5 8b 1c 0c", Some(5)),
    // nops
    ("90 66 90 0f 1f 00 0f 1f 40 00 0f 1f 44 00 00 66 0f 1f 44 00 00 0f 1f 80 00 00 00 00", None),
    ("0f 1f 84 00 00 00 00 00 66 0f 1f 84 00 00 00 00 00 66 2e 0f 1f 84 00 00 00 00 00", None),
    ("66 66 2e 0f 1f 84 00 00 00 00 00 66 66 66 2e 0f 1f 84 00 00 00 00 00", None),
    ("66 66 66 66 2e 0f 1f 84 00 00 00 00 00 66 66 66 66 66 2e 0f 1f 84 00 00 00 00 00", None),
    ("66 66 66 66 66 66 2e 0f 1f 84 00 00 00 00 00", None),
    ("66 66 90", Some(0)),
    ("66 66 66 90", Some(0)),
    ("3e 0f 1f 84 00 00 00 00 00", Some(0)),
    ("66 3e 0f 1f 84 00 00 00 00 00", Some(0)),
    ("66 66 0f 1f 84 00 00 00 00 00", Some(0)),
    // rep_tests
    ("00 c0", None),
    ("f3 00 c0", Some(0)),
    ("f2 00 c0", Some(0)),
    ("f3 0f 10 02", Some(0)),
    ("f2 0f 11 54 24 10", None),
    ("6c", Some(0)),
    ("f3 6c", Some(0)),
    ("a6", Some(0)),
    ("f3 a6", Some(0)),
    ("f2 a6", Some(0)),
    // movs_test
    (
        "89 f6 49 8d 34 37 89 ff 49 8d 3c 3f a4 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 \
         89 f6 49 8d 34 37 89 ff 49 8d 3c 3f a4",
        Some(0x2A),
    ),
    // prefix-single
    ("f0 01 04 24 89 ff 49 8d 3c 3f f3 ab 89 ff 49 8d 3c 3f f2 ae 66 89 c0 40 eb fd", None),
    ("f3 50", Some(0)),
    ("89 ff 49 8d 3c 3f f2 ab", Some(6)),
    ("64 89 c0", Some(0)),
    ("65 89 c0", Some(0)),
    ("2e 89 04 24", Some(0)),
    ("36 89 04 24", Some(0)),
    ("3e 89 04 24", Some(0)),
    ("26 89 04 24", Some(0)),
    ("64 89 04 24", Some(0)),
    ("65 89 04 24", Some(0)),
    ("67 89 04 24", Some(0)),
    ("2e eb fd", Some(0)),
    ("36 eb fd", Some(0)),
    ("3e eb fd", Some(0)),
    ("64 eb fd", Some(0)),
    ("36 74 02", Some(0)),
    ("26 74 02", Some(0)),
    ("66 0f 38 01 c8 f2 0f 58 c8 f3 0f c2 c8 00", None),
    // push
    ("68 03 04 05 06 48 68 03 04 05 06 66 68 03 04 66 48 68 03 04 90 90 90 90", Some(0xF)),
    // bt
    ("48 0f b3 00", Some(0)),
    ("48 0f ab 00", Some(0)),
    ("48 0f bb 00", Some(0)),
    ("0f ba 30 01", Some(0)),
    ("0f ba 28 01", Some(0)),
    (
        "66 0f ba 24 24 01 90 90 0f ba 24 24 01 48 0f ba 24 24 01 0f ba 34 24 01 0f ba 2c 24 01 90 \
         90 90 0f ba 3c 24 01",
        None,
    ),
];

#[test]
fn verdicts_are_those_of_the_original() {
    for &(text, expected) in VECTORS {
        let byte = |text: &str| u8::from_str_radix(text, 16).expect("a byte");
        let code: Vec<u8> = text.split_whitespace().map(byte).collect();
        let found = validate(&code).err();
        let offset = found.as_ref().map(|violation| violation.offset);
        assert_eq!(offset, expected, "{text}: {found:?}");
    }
}
