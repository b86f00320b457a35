//! The kernels that the Go program calls, and the program.

/// One kernel for every kind of argument, result, frame and instruction.
pub const KERNELS: &str = r#"
    const POWERS: [u32; 4] = [1, 10, 100, 1000];
    const WIDE: [f64; 4] = [1.0, 2.0, 3.0, 4.0];

    pub fn IdI8(a: i8) -> i8 { return a; }
    pub fn IdI16(a: i16) -> i16 { return a; }
    pub fn IdI32(a: i32) -> i32 { return a; }
    pub fn IdI64(a: i64) -> i64 { return a; }
    pub fn IdU8(a: u8) -> u8 { return a; }
    pub fn IdU16(a: u16) -> u16 { return a; }
    pub fn IdU32(a: u32) -> u32 { return a; }
    pub fn IdU64(a: u64) -> u64 { return a; }
    pub fn IdInt(a: isize) -> isize { return a; }
    pub fn IdUint(a: usize) -> usize { return a; }
    pub fn IdBool(a: bool) -> bool { return a; }
    pub fn IdRune(a: char) -> char { return a; }
    pub fn IdF32(a: f32) -> f32 { return a; }
    pub fn IdF64(a: f64) -> f64 { return a; }
    pub fn IdWide(a: u128) -> u128 { return (a.lo, a.hi); }
    pub unsafe fn IdPointer(a: *const u32) -> *const u32 { return a; }
    pub unsafe fn IdUnsafe(a: *mut core::ffi::c_void) -> *mut core::ffi::c_void { return a; }
    pub fn Nothing() {}
    pub fn Constant() -> i16 { return -300; }
    pub fn ConstantFloat() -> f64 { return -0.5; }
    pub fn Less(a: i64, b: i64) -> bool { xor eax, eax; cmp a, b; setl al; return al; }
    pub fn Swap(a: u8, b: u64) -> (u64, u8) { return (b, a); }
    pub fn SwapFloats(a: f32, b: f64) -> (f64, f32) { return (b, a); }

    /// Names that mean something to Go and to its assembler.
    pub fn Names(g: u8, func: i8, r#type: u16, AX: i16, R8: u32, len: i32, X0: u64) -> i64 {
        let sum: gp64;
        let t: gp64;
        movzx sum.gp32, g;
        movsx t, func; add sum, t;
        movzx t.gp32, r#type; add sum, t;
        movsx t, AX; add sum, t;
        mov t.gp32, R8; add sum, t;
        movsxd t, len; add sum, t;
        add sum, X0;
        return sum;
    }

    /// Floats of both sizes and integers, converted where they are.
    pub fn Mixed(a: i32, b: f64, c: u8, d: f32, e: i16, f: f64, g: i64) -> f64 {
        let t: xmm;
        cvtsi2sd t, a; addsd b, t;
        movzx r10d, c; cvtsi2sd t, r10d; addsd b, t;
        cvtss2sd t, d; addsd b, t;
        movsx r10d, e; cvtsi2sd t, r10d; addsd b, t;
        addsd b, f;
        cvtsi2sd t, g; addsd b, t;
        return b;
    }

    pub fn Lengths(a: &[u8], b: &str, c: &[f64], d: &mut [u32]) -> usize {
        add a.len, b.len;
        add a.len, c.len;
        add a.len, d.len;
        return a.len;
    }

    pub unsafe fn Letter(s: &str, at: usize) -> u8 {
        let t: gp32;
        movzx t, byte [s.ptr + at];
        return t.gp8;
    }

    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn DotProduct(x: &[f32], y: &[f32]) -> f32 {
        let acc: [ymm; 2];
        let v: ymm;
        let tail: xmm;
        vxorps tail, tail, tail;
        for i in 0..2 { vxorps acc[i], acc[i], acc[i]; }
        let n: gp64 = x.len;
        sub n, 16;
        jb 'rest;
        align 32;
        'wide: {
            for i in 0..2 {
                vmovups v, [x.ptr + 32*i];
                vfmadd231ps acc[i], v, [y.ptr + 32*i];
            }
            add x.ptr, 64; add y.ptr, 64;
            sub n, 16;
            jae continue 'wide;
        }
        'rest:
        add n, 16;
        jz 'sum;
        'one: {
            vmovss v.xmm, dword [x.ptr];
            vfmadd231ss tail, v.xmm, dword [y.ptr];
            add x.ptr, 4; add y.ptr, 4;
            dec n;
            jnz continue 'one;
        }
        'sum:
        vaddps acc[0], acc[0], acc[1];
        vextractf128 v.xmm, acc[0], 1;
        vaddps v.xmm, v.xmm, acc[0].xmm;
        vhaddps v.xmm, v.xmm, v.xmm;
        vhaddps v.xmm, v.xmm, v.xmm;
        vaddss tail, tail, v.xmm;
        return tail;
    }

    /// A table, literals of several sizes, a comparison with a constant in memory.
    #[target_feature(enable = "avx2")]
    pub unsafe fn Constants(x: &[f64; 4], n: usize) -> f64 {
        let v: ymm;
        let t: gp64;
        vmovupd v, [x];
        vmulpd v, v, [WIDE];
        vaddpd v, v, f64x4(0.5);
        lea t, [POWERS];
        mov t.gp32, [t + 4*n];
        cmp dword [POWERS + 8], 100;
        jne 'no;
        add t, u64(1000000);
        'no:
        let c: xmm;
        vcvtsi2sd c, c, t;
        vextractf128 xmm3, v, 1;
        vaddpd v.xmm, v.xmm, xmm3;
        vhaddpd v.xmm, v.xmm, v.xmm;
        vaddsd v.xmm, v.xmm, c;
        return v.xmm;
    }

    /// A frame, `rbp` as a register, two returns.
    #[spill]
    pub fn Frame(a: u64, b: u64) -> u64 {
        let buf: [u64; 5];
        let r: [gp64; 18];
        for i in 0..18 { lea r[i], [a + b + i]; }
        mov [buf], a;
        mov [buf + 32], b;
        test a, a;
        jz 'zero;
        for i in 0..18 { add r[i], [buf]; }
        for i in 1..18 { add r[0], r[i]; }
        return r[0];
        'zero:
        for i in 1..18 { xor r[0], r[i]; }
        add r[0], [buf + 32];
        return r[0];
    }

    /// `rbp` without anything else in the frame.
    pub fn NamedBase(a: u64) -> u64 { mov rbp, a; add rbp, 5; mov rax, rbp; return rax; }

    /// Stack variables that require alignment.
    #[target_feature(enable = "avx")]
    pub fn Aligned(a: u64) -> u64 {
        let wide: [u64; 4] align 32;
        let small: u32;
        vxorps ymm0, ymm0, ymm0;
        vmovaps [wide], ymm0;
        mov [wide + 8], a;
        mov dword [small], 3;
        vmovaps ymm1, [wide];
        vextractf128 xmm2, ymm1, 0;
        psrldq xmm2, 8;
        movq rax, xmm2;
        mov ecx, [small];
        add rax, rcx;
        return rax;
    }

    /// More than a function may take without asking.
    pub fn Large(a: u64) -> u64 {
        let buf: [u64; 1000];
        mov [buf], a;
        mov [buf + 7992], a;
        add a, [buf];
        add a, [buf + 7992];
        return a;
    }

    /// Pushes, one after another.
    pub fn Pushed(a: u64, b: u64, c: u64) -> u64 {
        push a; push b;
        add c, a;
        pop rax; pop rcx;
        sub rcx, rax; add rcx, c;
        return rcx;
    }

    /// Pushes that a branch leads past, which the assembler cannot follow.
    pub fn PushedOnPaths(a: u64, b: u64) -> u64 {
        push a;
        test b, b;
        jz 'zero;
        pop rax;
        add rax, b;
        return rax;
        'zero:
        pop rax;
        neg rax;
        return rax;
    }

    /// A jump table, which has no words in the assembler.
    pub unsafe fn Jump(i: u64) -> u64 {
        const CASES: [label; 3] = ['a, 'b, 'c];
        let t: gp64;
        lea t, [CASES];
        movsxd i, dword [t + i*4];
        add i, t;
        jmp i, CASES;
        'a: return 10;
        'b: return 20;
        'c: return 30;
    }

    /// A jump table in a large frame.
    pub unsafe fn JumpFar(i: u64) -> u64 {
        const CASES: [label; 2] = ['a, 'b];
        let buf: [u64; 500];
        let t: gp64;
        mov [buf], i;
        lea t, [CASES];
        movsxd i, dword [t + i*4];
        add i, t;
        jmp i, CASES;
        'a: mov t, [buf]; add t, 100; return t;
        'b: mov t, [buf]; add t, 200; return t;
    }

    /// Instructions that the assembler lacks, or encodes in another way, and raw bytes.
    pub unsafe fn Odd(a: u64) -> u64 {
        nop;
        mov rax, a;
        add rax, disp32 [rsp + 8];
        sub rax, [rsp + 8];
        mov ecx, 3;
        cmp cl, 3;
        jne 'wrong;
        db 0x48, 0xff, 0xc0;
        xchg eax, eax;
        return rax;
        'wrong: return 0;
    }

    /// Locked, repeated, with a direction and conditions.
    pub unsafe fn Strings(dst: &mut [u8], value: u8, n: &mut u64) -> bool {
        mov rdi, dst.ptr;
        mov rcx, dst.len;
        mov al, value;
        rep stosb;
        lock add qword [n], 2;
        lock dec qword [n];
        cmp rcx, 0;
        sete al;
        cmovne ecx, ecx;
        return al;
    }

    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq")]
    pub unsafe fn Masked(x: &[f64; 8], m: u8, out: &mut [f64; 8]) {
        let k: k;
        let v: zmm;
        movzx eax, m;
        kmovw k, eax;
        vmovupd v{k}{z}, [x];
        vaddpd v{k}, v, f64x1(1.0){1to8};
        vmulpd v, v, v, {rz-sae};
        vmovupd [out], v;
    }
"#;

/// The test of the package, and of every kernel.
pub const TEST: &str = r#"
package kernels

import (
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

func equal(t *testing.T, what string, got, want interface{}) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestScalars(t *testing.T) {
	equal(t, "IdI8", IdI8(-5), int8(-5))
	equal(t, "IdI16", IdI16(-500), int16(-500))
	equal(t, "IdI32", IdI32(-5000000), int32(-5000000))
	equal(t, "IdI64", IdI64(-1<<60), int64(-1<<60))
	equal(t, "IdU8", IdU8(250), uint8(250))
	equal(t, "IdU16", IdU16(65000), uint16(65000))
	equal(t, "IdU32", IdU32(4000000000), uint32(4000000000))
	equal(t, "IdU64", IdU64(1<<63), uint64(1<<63))
	equal(t, "IdInt", IdInt(-1<<40), -1<<40)
	equal(t, "IdUint", IdUint(1<<40), uint(1<<40))
	equal(t, "IdBool", IdBool(true), true)
	equal(t, "IdBool", IdBool(false), false)
	equal(t, "IdRune", IdRune('ß'), 'ß')
	equal(t, "IdF32", IdF32(1.5), float32(1.5))
	equal(t, "IdF64", IdF64(-2.25), -2.25)
	equal(t, "IdWide", IdWide([2]uint64{1, 2}), [2]uint64{1, 2})
	x := uint32(7)
	equal(t, "IdPointer", IdPointer(&x), &x)
	equal(t, "IdUnsafe", IdUnsafe(unsafe.Pointer(&x)), unsafe.Pointer(&x))
	Nothing()
	equal(t, "Constant", Constant(), int16(-300))
	equal(t, "ConstantFloat", ConstantFloat(), -0.5)
	equal(t, "Less", Less(-1, 1), true)
	equal(t, "Less", Less(1, -1), false)
	a, b := Swap(3, 1<<50)
	equal(t, "Swap", a, uint64(1<<50))
	equal(t, "Swap", b, uint8(3))
	f, g := SwapFloats(1.5, 2.5)
	equal(t, "SwapFloats", f, 2.5)
	equal(t, "SwapFloats", g, float32(1.5))
	equal(t, "Names", Names(200, -3, 60000, -7, 4000000000, -11, 1<<40), int64(1<<40+4000000000+60000+200-3-7-11))
	equal(t, "Mixed", Mixed(-3, 0.5, 200, 0.25, -7, 1.5, 1<<40), float64(1<<40)-3+0.5+200+0.25-7+1.5)
}

func TestSlices(t *testing.T) {
	equal(t, "Lengths", Lengths(make([]uint8, 3, 10), "four", make([]float64, 5, 100), make([]uint32, 6, 1000)), uint(18))
	equal(t, "Letter", Letter("peach", 3), uint8('c'))
	for n := 0; n < 70; n++ {
		x, y := make([]float32, n), make([]float32, n)
		want := float32(0)
		for i := range x {
			x[i], y[i] = float32(i+1), float32(2*i-7)
			want += x[i] * y[i]
		}
		equal(t, "DotProduct", DotProduct(x, y), want)
	}
}

func TestConstants(t *testing.T) {
	x := [4]float64{1, 2, 3, 4}
	equal(t, "Constants", Constants(&x, 3), float64(1+4+9+16+2+1000+1000000))
}

func TestFrames(t *testing.T) {
	want := uint64(0)
	for i := uint64(0); i < 18; i++ {
		want += 3 + 4 + i + 3
	}
	equal(t, "Frame", Frame(3, 4), want)
	want = 9
	for i := uint64(1); i < 18; i++ {
		want ^= 9 + i
	}
	equal(t, "Frame", Frame(0, 9), want+9)
	equal(t, "NamedBase", NamedBase(7), uint64(12))
	equal(t, "Aligned", Aligned(39), uint64(42))
	equal(t, "Large", Large(5), uint64(15))
	equal(t, "Pushed", Pushed(10, 3, 100), uint64(10-3+100+10))
	equal(t, "PushedOnPaths", PushedOnPaths(10, 3), uint64(13))
	equal(t, "PushedOnPaths", PushedOnPaths(10, 0), ^uint64(10)+1)
}

func TestOddities(t *testing.T) {
	for i, want := range []uint64{10, 20, 30} {
		equal(t, "Jump", Jump(uint64(i)), want)
	}
	equal(t, "JumpFar", JumpFar(0), uint64(100))
	equal(t, "JumpFar", JumpFar(1), uint64(201))
	equal(t, "Odd", Odd(41), uint64(42))
	buf, n := make([]uint8, 9), uint64(5)
	equal(t, "Strings", Strings(buf, 'x', &n), true)
	equal(t, "Strings", string(buf), strings.Repeat("x", 9))
	equal(t, "Strings", n, uint64(6))
	if HAS_AVX512 {
		x, out := [8]float64{1, 2, 3, 4, 5, 6, 7, 8}, [8]float64{}
		Masked(&x, 0x55, &out)
		equal(t, "Masked", out, [8]float64{4, 0, 16, 0, 36, 0, 64, 0})
	}
}

// deep fills n frames of a growing stack, calls kernels at every depth, and checks that the frames
// above have survived their calls.
func deep(t *testing.T, n int) uint64 {
	var local [16]uint64
	for i := range local {
		local[i] = uint64(n * i)
	}
	sum := Frame(uint64(n), 1) + Large(uint64(n)) + Aligned(uint64(n)) + JumpFar(1)
	if n > 0 {
		sum += deep(t, n-1)
	}
	for i := range local {
		if local[i] != uint64(n*i) {
			t.Fatalf("frame %d is damaged", n)
		}
	}
	return sum
}

func TestGrowingStacks(t *testing.T) {
	want := deep(t, 2000)
	results := make(chan uint64)
	for i := 0; i < 8; i++ {
		go func() { results <- deep(t, 2000) }()
	}
	stop := make(chan bool)
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	for i := 0; i < 8; i++ {
		equal(t, "deep", <-results, want)
	}
	close(stop)
}
"#;
