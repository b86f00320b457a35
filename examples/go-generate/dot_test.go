package dot

import "testing"

func plain(x, y []float32) float32 {
	sum := float32(0)
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}

// Small whole numbers, so that no sum depends on the order of its terms.
func vectors(length int) (x, y []float32) {
	x, y = make([]float32, length+1), make([]float32, length+1)
	for i := range x {
		x[i], y[i] = float32(i%13)-6, float32(i%7)-3
	}
	return x[:length], y[:length]
}

func TestDotProduct(t *testing.T) {
	for length := 0; length < 200; length++ {
		x, y := vectors(length)
		got := DotProduct(&x[:1][0], &y[:1][0], uint(length))
		if want := plain(x, y); got != want {
			t.Errorf("length %d: %v, not %v", length, got, want)
		}
	}
}

func BenchmarkDotProduct(b *testing.B) {
	x, y := vectors(1 << 12)
	for i := 0; i < b.N; i++ {
		DotProduct(&x[0], &y[0], uint(len(x)))
	}
}

func BenchmarkPlain(b *testing.B) {
	x, y := vectors(1 << 12)
	for i := 0; i < b.N; i++ {
		plain(x, y)
	}
}
