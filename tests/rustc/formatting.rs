//! rustfmt leaves kernels alone, and formats what is around them.

use super::temporary;
use peach_testing::tools::have;
use std::process::Command;

const KERNELS: &str = r#"use peach_runtime::peach_fn;

peach_fn! {
    /// Aligned by hand, two to a line.
    #[target_feature(enable   =   "sse4.1")]
    pub fn  dot4(x: &[f32; 4],  y: &[f32; 4]) -> f32 {
        let v: xmm;     movups v, [x];
        movups  xmm2,   [y];            // virtual and physical
          dpps  v,      xmm2, 0xF1;
      'next: { jz break 'next; }
        for  i in 0..8{nop;}
        return v;
    }
}

peach_fn!(  pub fn one(x:u64)->u64{inc x;return x;}  );
peach_fn![pub   fn two(x: u64) -> u64 { add x,2; return x; }];
"#;

#[test]
fn kernels_stay_as_they_are() {
    if !have(&["rustfmt"]) {
        return;
    }
    for edition in ["2021", "2024"] {
        let path = temporary(&format!("formatted-{edition}.rs"));
        std::fs::write(&path, format!("{KERNELS}\nfn  around( ) {{   }}\n")).unwrap();
        let status = Command::new("rustfmt").args(["--edition", edition]).arg(&path).status();
        assert!(status.expect("rustfmt runs").success());
        let formatted = std::fs::read_to_string(&path).unwrap();
        assert_eq!(formatted, format!("{KERNELS}\nfn around() {{}}\n"), "edition {edition}");
    }
}
