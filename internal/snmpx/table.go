package snmpx

import (
	"context"
	"fmt"
	"sort"
)

// Row is one row of a table.
type Row struct {
	Index  OID     // what comes after the column
	Values []Value // by column as asked for; the zero Value where there is none
}

// maxCells bounds what an agent that never ends can make us keep.
const maxCells = 1 << 20

// usualRows are as many as most switches have ports.
const usualRows = 52

// Table reads columns that have the same index, row by row: in one message, where
// the agent's answers hold it. A column without any object is no error. One that
// ends early is [ErrTruncated] when the agent does have what is missing.
func (c *Client) Table(ctx context.Context, columns ...OID) ([]Row, error) {
	if len(columns) == 0 {
		return nil, nil
	}
	t := table{columns: make([]*column, len(columns)), cells: make([][]Var, len(columns))}
	for i, root := range columns {
		t.columns[i] = &column{root: root, cursor: root}
	}
	total := 0
	err := c.stream(ctx, t.columns, func(i int, v Var) error {
		if total++; total > maxCells {
			return fmt.Errorf("snmpx: table %s on %s: it does not end", columns[i], c.target)
		}
		if t.cells[i] == nil {
			t.cells[i] = make([]Var, 0, usualRows)
		}
		t.cells[i] = append(t.cells[i], v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows := t.rows()
	if err := c.verify(ctx, &t, rows); err != nil {
		return nil, err
	}
	return rows, nil
}

type table struct {
	columns []*column
	cells   [][]Var // by column, in order
}

// index is the row of the n-th cell of a column.
func (t *table) index(col, n int) OID { return t.cells[col][n].OID[len(t.columns[col].root):] }

// rows merges the columns by their indexes.
func (t *table) rows() []Row {
	most := 0
	for _, cells := range t.cells {
		most = max(most, len(cells))
	}
	width := len(t.columns)
	rows := make([]Row, 0, most)
	values := make([]Value, most*width)
	at := make([]int, width)
	for {
		var least OID
		for i := range t.columns {
			if at[i] < len(t.cells[i]) {
				if o := t.index(i, at[i]); least == nil || o.Compare(least) < 0 {
					least = o
				}
			}
		}
		if least == nil {
			return rows
		}
		if len(values) < width { // not all columns have the same rows
			values = make([]Value, most*width)
		}
		row := Row{least, values[:width:width]}
		values = values[width:]
		for i := range t.columns {
			if at[i] < len(t.cells[i]) && t.index(i, at[i]).Equal(least) {
				row.Values[i] = t.cells[i][at[i]].Value
				at[i]++
			}
		}
		rows = append(rows, row)
	}
}

// enough is how many of a column's missing objects are asked for, beside the
// last one.
const enough = 8

// verify asks for what columns lack at their ends, as an agent that leaves off
// in the middle looks like one that has no more.
func (c *Client) verify(ctx context.Context, t *table, rows []Row) error {
	var missing []OID
	for i, col := range t.columns {
		behind := rows
		if n := len(t.cells[i]); n > 0 {
			last := t.index(i, n-1)
			behind = rows[sort.Search(len(rows), func(r int) bool { return rows[r].Index.Compare(last) > 0 }):]
		} else if len(rows) > 0 {
			behind = rows[:1]
		}
		for n, row := range behind {
			if n < enough || n == len(behind)-1 {
				missing = append(missing, col.root.Append(row.Index...))
			}
		}
	}
	values, err := c.Get(ctx, missing...)
	if err != nil {
		return err
	}
	for i, v := range values {
		if v.Present() {
			return fmt.Errorf("snmpx: table %s on %s: %w: a walk ends before %s, which the agent does have",
				t.columns[0].root, c.target, ErrTruncated, missing[i])
		}
	}
	return nil
}
