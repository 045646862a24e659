package epptest

// ParseCommand reads a command for its error only.
func ParseCommand(body []byte) error {
	_, err := parseCommand(body)
	return err
}
