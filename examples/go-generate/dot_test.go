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
	x, y = make([]float32, length), make([]float32, length)
	for i := range x {
		x[i], y[i] = float32(i%13)-6, float32(i%7)-3
	}
	return x, y
}

func TestDotProduct(t *testing.T) {
	for length := 0; length < 200; length++ {
		x, y := vectors(length)
		if got, want := DotProduct(x, y), plain(x, y); got != want {
			t.Errorf("length %d: %v, not %v", length, got, want)
		}
		if got, want := DotProduct(x, y[:length/2]), plain(x[:length/2], y); got != want {
			t.Errorf("lengths %d and %d: %v, not %v", length, length/2, got, want)
		}
	}
}

func BenchmarkDotProduct(b *testing.B) {
	x, y := vectors(1 << 12)
	for i := 0; i < b.N; i++ {
		DotProduct(x, y)
	}
}

func BenchmarkPlain(b *testing.B) {
	x, y := vectors(1 << 12)
	for i := 0; i < b.N; i++ {
		plain(x, y)
	}
}
