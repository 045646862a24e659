package audit

import "os"

// SetSync replaces how a log in files is flushed.
func (l *Log) SetSync(sync func(*os.File) error) { l.keep.(*files).sync = sync }
