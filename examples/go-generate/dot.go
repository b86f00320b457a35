// Package dot computes dot products with a kernel.
package dot

//go:generate peach -mabi=goasm -mcpu=haswell -S -o dot_amd64.s dot.peach

// DotProduct is the sum of x[i] * y[i], as far as the shorter slice goes.
//
//go:noescape
func DotProduct(x []float32, y []float32) float32
