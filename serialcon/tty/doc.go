// Package tty opens Linux serial ports for consoles: UARTs, USB adapters,
// pseudo-terminals.
//
//	c := &serialcon.Console{
//		Name: "pi-042",
//		Port: tty.Config{Device: "usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"},
//	}
//
// A [Config] is a serialcon.Opener whose zero values mean 115200 8n1 without
// flow control. Its ports have BREAK in and out, modem lines and the UART's
// error counters, as far as the driver has them, and cost no thread. [List]
// finds the machine's ports and the names that stay theirs over replugging.
//
// Opening says what the driver did not take of the settings. It refuses a
// device that another program holds, and one on which this machine has its own
// console: a logger there would feed the machine's messages back to itself.
//
// The port never drops DTR on close, never sends a BREAK by itself, and takes
// XON/XOFF for ordinary bytes unless asked: one stray Ctrl-S must not stop a
// console.
package tty
