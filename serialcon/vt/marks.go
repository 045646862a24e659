package vt

// maxMarks is how many different characters with combining marks a screen can
// show at once. Beyond it, marks are left out.
const maxMarks = 1024

// marked is a character and up to three marks on it.
type marked [4]rune

// marks holds the characters with marks that are on a screen. Cells refer to
// them by number.
type marks struct {
	list []marked
	at   map[marked]uint32
	wait int // requests to refuse before it is worth looking for room again
}

// add returns a cell with a mark on what c shows. When there is no room, inUse
// is asked for the cells that count.
func (m *marks) add(c cell, mark rune, inUse func(keep func(*cell))) cell {
	var k marked
	if c.ch&cluster != 0 {
		k = m.list[c.ch&runeOf]
	} else {
		k[0] = rune(c.ch & runeOf)
	}
	for i := 1; i < len(k); i++ {
		if k[i] == 0 {
			k[i] = mark
			break
		}
	}
	n, ok := m.at[k]
	if !ok {
		if len(m.list) == maxMarks {
			c = m.sweep(c, inUse)
		}
		if len(m.list) == maxMarks {
			return c
		}
		if m.at == nil {
			m.at = make(map[marked]uint32)
		}
		n = uint32(len(m.list))
		m.list = append(m.list, k)
		m.at[k] = n
	}
	c.ch = c.ch&lead | cluster | n
	return c
}

// sweep numbers the characters in use anew. It does nothing for a while when
// that last gained little, so that its cost is spread.
func (m *marks) sweep(c cell, inUse func(keep func(*cell))) cell {
	if m.wait > 0 {
		m.wait--
		return c
	}
	old := m.list
	m.list = make([]marked, 0, maxMarks)
	clear(m.at)
	keep := func(c *cell) {
		if c.ch&cluster == 0 {
			return
		}
		k := old[c.ch&runeOf]
		n, ok := m.at[k]
		if !ok {
			n = uint32(len(m.list))
			m.list = append(m.list, k)
			m.at[k] = n
		}
		c.ch = c.ch&lead | cluster | n
	}
	inUse(keep)
	keep(&c)
	if len(m.list) > maxMarks*3/4 {
		m.wait = maxMarks
	}
	return c
}
