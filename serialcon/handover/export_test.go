package handover

// FromEnv returns names and descriptors in order.
func FromEnv(getenv func(string) string, pid int) (names []string, fds []int, err error) {
	list, err := fromEnv(getenv, pid)
	for _, n := range list {
		names, fds = append(names, n.name), append(fds, n.fd)
	}
	return names, fds, err
}
