//! COFF: linked by mingw-w64's GNU ld and by lld, run and unwound by wine, read back.

use crate::kernels;
use crate::support::{Workspace, module};
use peach_compiler::abi::{ImageFormat, WIN64};
use peach_testing::tools::have;

fn prepared(test: &str) -> Workspace {
    let space = Workspace::new(test);
    let module = module(&kernels::source("rcx"), &WIN64);
    space.object("kernels.obj", &module, ImageFormat::MsCoff, true);
    space.file("kernels.h", kernels::HEADER);
    space.file("windows.c", include_str!("windows.c"));
    space
}

#[test]
fn programs_are_linked_run_and_unwound() {
    if !have(&["x86_64-w64-mingw32-gcc", "ld.lld", "lld-link", "wine"]) {
        return;
    }
    let space = prepared("coff_programs");
    let gcc = "x86_64-w64-mingw32-gcc -O1 -D__USE_MINGW_ANSI_STDIO=0";
    space.run(&format!("{gcc} windows.c kernels.obj -o gnu.exe"));
    space.run(&format!("{gcc} -fuse-ld=lld windows.c kernels.obj -o lld.exe"));
    // As Microsoft's linker is used, without mingw's startup code.
    space.run(&format!("{gcc} -c -Dmain=start windows.c -o windows.obj"));
    let libraries = "/usr/x86_64-w64-mingw32/lib";
    space.run(&format!(
        "lld-link /WX /nodefaultlib /entry:start /subsystem:console windows.obj kernels.obj \
         {libraries}/libkernel32.a {libraries}/libmsvcrt-os.a /out:minimal.exe"
    ));
    for program in ["gnu.exe", "lld.exe", "minimal.exe"] {
        space.wine(program);
    }
}
