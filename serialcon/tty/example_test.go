package tty_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

func ExampleConfig() {
	c := tty.Config{Device: "usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0", Baud: 9600, DataBits: 7, Parity: tty.ParityEven}
	fmt.Println(c)
	fmt.Println(tty.Config{Device: "/dev/ttyUSB0", DataBits: 9}.Check())
	// Output:
	// tty usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0 9600e7
	// tty: bad settings: /dev/ttyUSB0: 9 data bits; there are 5 to 8
}

func ExampleList() {
	ports, err := tty.List()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range ports {
		fmt.Println(p.Stable(), p.Description)
	}
}
