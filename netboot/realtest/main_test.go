package realtest

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// serverEnv has the test binary be the server that its value, a serverConf,
// describes.
const serverEnv = "HOSTKIT_REALTEST_SERVER"

func TestMain(m *testing.M) {
	text := os.Getenv(serverEnv)
	if text == "" {
		os.Exit(m.Run())
	}
	var conf serverConf
	err := json.Unmarshal([]byte(text), &conf)
	if err == nil {
		err = serve(conf)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
