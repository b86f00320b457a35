// Kernels against plain loops: MetroHash64, ChaCha20, and bit packing of 128 values.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand"
	"os"
)

func turn(x uint64, by int) uint64 { return bits.RotateLeft64(x, -by) }

func number(p []byte) (all uint64) {
	for i := len(p) - 1; i >= 0; i-- {
		all = all<<8 | uint64(p[i])
	}
	return
}

func metro(p []byte, seed uint64) uint64 {
	k := [4]uint64{0xD6D018F5, 0xA2AA033B, 0x62992FC1, 0x30BC5B29}
	hash := (seed + k[2]) * k[0]
	if len(p) >= 32 {
		v := [4]uint64{hash, hash, hash, hash}
		for ; len(p) >= 32; p = p[32:] {
			for i := range v {
				v[i] = turn(v[i]+number(p[8*i:8*i+8])*k[i], 29) + v[(i+2)%4]
			}
		}
		v[2] ^= turn((v[0]+v[3])*k[0]+v[1], 37) * k[1]
		v[3] ^= turn((v[1]+v[2])*k[1]+v[0], 37) * k[0]
		v[0] ^= turn((v[0]+v[2])*k[0]+v[3], 37) * k[1]
		v[1] ^= turn((v[1]+v[3])*k[1]+v[2], 37) * k[0]
		hash += v[0] ^ v[1]
	}
	if len(p) >= 16 {
		a := turn(hash+number(p[:8])*k[2], 29) * k[3]
		b := turn(hash+number(p[8:16])*k[2], 29) * k[3]
		a ^= turn(a*k[0], 21) + b
		b ^= turn(b*k[3], 21) + a
		hash += b
		p = p[16:]
	}
	for _, part := range [][2]int{{8, 55}, {4, 26}, {2, 48}, {1, 37}} {
		if size := part[0]; len(p) >= size {
			hash += number(p[:size]) * k[3]
			hash ^= turn(hash, part[1]) * k[1]
			p = p[size:]
		}
	}
	hash = (hash ^ turn(hash, 28)) * k[0]
	return hash ^ turn(hash, 29)
}

func chacha20(from *[16]uint32, to []byte) {
	x := *from
	for i := 0; i < 20; i++ {
		for k := 0; k < 4; k++ {
			a, b := &x[k], &x[4+(k+i%2)%4]
			c, d := &x[8+(k+i%2*2)%4], &x[12+(k+i%2*3)%4]
			for _, turns := range [][2]int{{16, 12}, {8, 7}} {
				*a += *b
				*d = bits.RotateLeft32(*d^*a, turns[0])
				*c += *d
				*b = bits.RotateLeft32(*b^*c, turns[1])
			}
		}
	}
	for i := range x {
		binary.LittleEndian.PutUint32(to[4*i:], x[i]+from[i])
	}
}

func fail(what ...interface{}) {
	fmt.Println(what...)
	os.Exit(1)
}

type word interface{ uint32 | uint64 }

// Value by value and bit by bit.
func plain[W word](wide, lanes, count int, values *[128]W) (packed [128]W) {
	for i, value := range values {
		for bit := 0; bit < count; bit++ {
			place := i/lanes*count + bit
			packed[lanes*(place/wide)+i%lanes] |= (value >> bit & 1) << (place % wide)
		}
	}
	return
}

func plain32(count int, values *[128]uint32) [128]uint32 { return plain(32, 4, count, values) }
func plain64(count int, values *[128]uint64) [128]uint64 { return plain(64, 2, count, values) }

// Deltas are to the value one vector before.
func check[W word, S [4]uint32 | [2]uint64](count int, plain func(int, *[128]W) [128]W,
	pack, unpack func(*[128]W, *[128]W), deltaPack, deltaUnpack func(*[128]W, *[128]W, *S)) {
	var values, sums, packed, again [128]W
	var seed, seeds S
	lanes := len(seed)
	for i := range values {
		values[i] = W(rand.Uint64()) & (1<<count - 1)
		sums[i] = values[i]
		if i >= lanes {
			sums[i] += sums[i-lanes]
		}
	}
	expected := plain(count, &values)
	pack(&values, &packed)
	unpack(&expected, &again)
	if packed != expected || again != values {
		fail("packing", count)
	}
	deltaPack(&sums, &packed, &seeds)
	deltaUnpack(&expected, &again, &seed)
	if packed != expected || again != sums || seed != seeds {
		fail("deltas", count)
	}
}

func main() {
	data, one, other := make([]byte, 4096), [64]byte{}, [64]byte{}
	rand.Read(data)
	same := append([]byte{}, data...)
	for i := 0; i < 300; i++ {
		if seed := rand.Uint64(); hash64(data[i:2*i], seed) != metro(data[i:2*i], seed) {
			fail("hash", i)
		}
	}
	var key [16]uint32
	for i := range key {
		key[i] = rand.Uint32()
	}
	block(&key, &one)
	chacha20(&key, other[:])
	if one != other {
		fail("block")
	}
	keys := key
	xor_groups(&key, data)
	for i := range same {
		if i%64 == 0 {
			chacha20(&keys, other[:])
			keys[12]++
		}
		same[i] ^= other[i%64]
	}
	if !bytes.Equal(data, same) || key != keys {
		fail("cipher")
	}
	EVERY_NUMBER_OF_BITS
	fmt.Println("equal")
}
