package dispatch

// heap keeps items so that the first by before is at hand. Each item holds its
// own position (from 1; 0: it is not in the heap), so that it can be taken out
// or moved from anywhere in the time that a push takes.
type heap[T any] struct {
	items  []T
	before func(a, b T) bool
	pos    func(T) *int
}

func (h *heap[T]) len() int { return len(h.items) }

// first gives the first item; there must be one.
func (h *heap[T]) first() T { return h.items[0] }

func (h *heap[T]) has(x T) bool { return *h.pos(x) > 0 }

// put adds an item, or moves it to where it belongs now.
func (h *heap[T]) put(x T) {
	i := *h.pos(x) - 1
	if i < 0 {
		i = len(h.items)
		h.items = append(h.items, x)
		*h.pos(x) = i + 1
	}
	h.sift(i)
}

// drop takes an item out, if it is in.
func (h *heap[T]) drop(x T) {
	i := *h.pos(x) - 1
	if i < 0 {
		return
	}
	last := len(h.items) - 1
	h.swap(i, last)
	var none T
	h.items[last] = none
	h.items = h.items[:last]
	*h.pos(x) = 0
	if i < last {
		h.sift(i)
	}
}

// sift moves the item at i up or down to its place.
func (h *heap[T]) sift(i int) {
	for i > 0 && h.before(h.items[i], h.items[(i-1)/2]) {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h.items); c++ {
			if h.before(h.items[c], h.items[least]) {
				least = c
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

func (h *heap[T]) swap(i, j int) {
	if i == j {
		return
	}
	h.items[i], h.items[j] = h.items[j], h.items[i]
	*h.pos(h.items[i]), *h.pos(h.items[j]) = i+1, j+1
}
