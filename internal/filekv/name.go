package filekv

import (
	"strings"
)

// How keys are file names.
const (
	suffix   = ".kv" // of files, so that the key "a" is no obstacle to the folder of "a/b"
	more     = "%+"  // at the end of a folder's name: what follows belongs to the same part
	nothing  = "%"   // the name of an empty part
	chunkMax = 200   // bytes of a name, of 255 that filesystems allow
	plain    = "abcdefghijklmnopqrstuvwxyz0123456789.-_+=,@~"
)

// fileName is the path of the file of a key, in the store's folder, with slashes.
func fileName(key string) string {
	parts := strings.Split(key, "/")
	var names []string
	for i, part := range parts {
		chunks := escape(part)
		if last := len(chunks) - 1; i < len(parts)-1 {
			if stem, found := strings.CutSuffix(chunks[last], suffix); found {
				chunks[last] = stem + "%2ekv" // it is no file
			}
		} else {
			chunks[last] += suffix
		}
		names = append(names, chunks...)
	}
	return strings.Join(names, "/")
}

// escape writes a part of a key as names, all but the last of which end in more.
func escape(part string) []string {
	if part == "" {
		return []string{nothing}
	}
	const hex = "0123456789abcdef"
	chunks := []string{""}
	for i := range len(part) {
		last := &chunks[len(chunks)-1]
		if len(*last) > chunkMax-3 {
			*last += more
			chunks = append(chunks, "")
			last = &chunks[len(chunks)-1]
		}
		c := part[i]
		if strings.IndexByte(plain, c) >= 0 && (c != '.' || *last != "") { // no name is hidden, or "..".
			*last += string(rune(c))
		} else {
			*last += string([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return chunks
}

// folderPrefix is what the keys in a subfolder begin with, if those in its parent begin
// with prefix.
func folderPrefix(prefix, name string) (string, bool) {
	if stem, found := strings.CutSuffix(name, more); found {
		part, ok := unescape(stem)
		return prefix + part, ok
	}
	part, ok := unescape(name)
	return prefix + part + "/", ok
}

// keyOf is the key of a file at a path, in a folder whose keys begin with prefix. It
// is not ok for a file that no key has.
func keyOf(prefix, path, name string) (key string, ok bool) {
	stem, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return "", false
	}
	part, ok := unescape(stem)
	key = prefix + part
	return key, ok && key != "" && fileName(key) == path
}

func unescape(name string) (string, bool) {
	if name == nothing {
		return "", true
	}
	var out strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '%' {
			out.WriteByte(name[i])
			continue
		}
		if i+2 >= len(name) {
			return "", false
		}
		hi, lo := digit(name[i+1]), digit(name[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		out.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	return out.String(), out.Len() > 0
}

func digit(c byte) int {
	return strings.IndexByte("0123456789abcdef", c)
}

// related reports whether keys in a folder can begin with prefix.
func related(folder, prefix string) bool {
	return strings.HasPrefix(folder, prefix) || strings.HasPrefix(prefix, folder)
}
