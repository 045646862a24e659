package vt_test

import (
	"fmt"
	"strings"
)

// sequences are what terminals are tested with, and what real programs send on a
// console. All are rendered by tmux as well.
var sequences = []struct{ name, input string }{
	{"plain lines", "one\r\ntwo\r\n\r\nfour"},
	{"scrolls", numbered(60)},
	{"carriage return", "aaaaaaaa\rbbb\r\nccc\rd"},
	{"line feed alone", "one\ntwo\nthree"},
	{"backspace", "abc\b\bX\b\b\b\b\bY"},
	{"tabs", "a\tb\tc\r\n\t\tx\r\n1234567\tx\r\n12345678\tx\r\n\x1b[79Gx\ty"},
	{"tab stops", "\x1b[3g\x1b[5G\x1bH\x1b[11G\x1bH\r\ta\tb\tc\r\n\x1b[5G\x1b[g\r\ta\x1b[Zb"},
	{"autowrap", strings.Repeat("0123456789", 17) + "end"},
	{"wrap waits", strings.Repeat("x", 80) + "\r\nnext"},
	{"wrap waits for a move", strings.Repeat("x", 80) + "\x1b[5;5Hmoved"},
	{"no autowrap", "\x1b[?7l" + strings.Repeat("0123456789", 8) + "abc\x1b[?7h\r\nz"},
	{"wraps at the last row", "\x1b[24;70H" + strings.Repeat("w", 30)},
	{"cursor moves", "\x1b[10;10H*\x1b[A1\x1b[2B2\x1b[3C3\x1b[9D4\x1b[E5\x1b[2F6\x1b[30G7\x1b[20d8\x1b[5`9"},
	{"cursor stops at edges", "\x1b[99;99Hx\x1b[99A\x1b[99Dy\x1b[99C\x1b[99Bz"},
	{"parameters of 0", "\x1b[0;0Ha\x1b[0Bb\x1b[0Cc\x1b[0;5Hd\x1b[;Ge"},
	{"erase line", lines(5) + "\x1b[1;10H\x1b[K\x1b[2;10H\x1b[1K\x1b[3;10H\x1b[2K"},
	{"erase below", lines(20) + "\x1b[10;10H\x1b[J"},
	{"erase above", lines(20) + "\x1b[10;10H\x1b[1J"},
	{"erase all", lines(20) + "\x1b[10;10H\x1b[2Jx"},
	{"erase from home", lines(20) + "\x1b[H\x1b[Jx"},
	{"erase in colour", lines(8) + "\x1b[44m\x1b[3;30H\x1b[K\x1b[5;10H\x1b[1K\x1b[7;5H\x1b[4X\x1b[8;3H\x1b[J"},
	{"erase characters", "abcdefghij\x1b[3G\x1b[4X\r\nabc\x1b[2G\x1b[99X"},
	{"insert characters", "abcdefghij\x1b[3G\x1b[3@XY\r\n" + strings.Repeat("z", 79) + "\x1b[1G\x1b[2@"},
	{"delete characters", "abcdefghij\x1b[3G\x1b[3P\r\nabc\x1b[2G\x1b[99P"},
	{"insert mode", "abcdef\x1b[3G\x1b[4hXYZ\x1b[4l!"},
	{"insert lines", lines(24) + "\x1b[5;1H\x1b[3L"},
	{"delete lines", lines(24) + "\x1b[5;1H\x1b[3M"},
	{"lines in a region", lines(24) + "\x1b[5;15r\x1b[8;1H\x1b[2L\x1b[12;1H\x1b[99M"},
	{"scroll region", lines(24) + "\x1b[5;10r\x1b[10;1H\na\r\nb\r\nc\r\nd"},
	{"reverse index", lines(24) + "\x1b[5;10r\x1b[5;1H\x1bMx\x1bM\x1bM\x1b[1;1H\x1bM"},
	{"index and next line", "ab\x1bDcd\x1bEef\x1b[24;3H\x1bDg\x1bEh"},
	{"scroll up and down", lines(24) + "\x1b[3S\x1b[2T\x1b[5;9r\x1b[2S"},
	{"region of the top", lines(24) + "\x1b[1;10r\x1b[10;1H\n\n\nx"},
	{"region refused", lines(24) + "\x1b[10;10r\x1b[24;1H\nx\x1b[12;5r\ny"},
	{"region ends", lines(24) + "\x1b[5;10r\x1b[r\x1b[24;1H\nx"},
	{"below the region", lines(24) + "\x1b[5;10r\x1b[24;1H\n\nx\x1b[20;1H\x1b[99Ay"},
	{"origin mode", "\x1b[5;10r\x1b[?6h\x1b[Ha\x1b[99;3Hb\x1b[2dc\x1b[?6lz"},
	{"save and restore", "\x1b[5;5H\x1b[1;31m\x1b7\x1b[m\x1b[9;9Hx\x1b8y\x1b[s\x1b[1;1Hz\x1b[uw"},
	{"alignment", "\x1b[3;5r\x1b#8\x1b[1;1H\x1b[2K"},
	{"line drawing", "\x1b(0lqqqwqqqk\r\nx   x   x\r\nmqqqvqqqj\x1b(B plain\x1b)0\x0elqk\x0flqk\x1b(0`afgjntuv~{|}\x1b(B"},
	{"repeat", "a\x1b[5bb\x1b[m\x1b[3bc\r\nx\x1b[999bz"},
	{"attributes", "\x1b[1mb\x1b[2md\x1b[3mi\x1b[4mu\x1b[5ml\x1b[7mr\x1b[8mh\x1b[9ms\x1b[22mB\x1b[23mI\x1b[24mU\x1b[25mL\x1b[27mR\x1b[28mH\x1b[29mS\x1b[21mD\x1b[53mO\x1b[55mo\x1b[mx"},
	{"colours", colours()},
	{"colours of 256", "\x1b[38;5;196mr\x1b[48;5;21mb\x1b[39mx\x1b[49my\x1b[38;5;3m3\x1b[38;5;11m11\x1b[38:5:99mc"},
	{"true colours", "\x1b[38;2;1;2;3ma\x1b[48;2;250;128;7mb\x1b[38:2::9:8:7mc\x1b[48:2:1:2:3md\x1b[0;1;38;2;5;5;5;4me"},
	{"underlines", "\x1b[1;31mc\x1b[4:3md\x1b[4:0me\x1b[4:2mf\x1b[24mg"},
	{"alternate screen", lines(10) + "\x1b[5;5H\x1b[?1049h\x1b[Hfull screen\x1b[9;9Hmore"},
	{"alternate screen ends", lines(10) + "\x1b[5;5H\x1b[?1049h\x1b[2;2Hgone\x1b[?1049lback"},
	{"alternate of 47", lines(3) + "\x1b[?47hother\x1b[?47lback"},
	{"reset", lines(24) + "\x1b[5;10r\x1b[1;31m\x1b[?7l\x1bcplain"},
	{"reset of SeaBIOS", lines(30) + "\x1bc\x1b[?7l\x1b[2J\x1b[01;01HSeaBIOS (version 1.16.2)\r\n\x1b[?7h"},
	{"UTF-8", "é ü ñ ß € ☃ ✓ … “x”\r\n日本語 한국어\r\n😀!"},
	{"wide at the edge", "\x1b[80G日本\r\n\x1b[79G語x"},
	{"wide overwritten", "日本語\x1b[1Gx\x1b[3Gy"},
	{"combining", "e\u0301a\u0308o\u0302\u0301 n\u0303\r\n日\u3099x"},
	{"controls within a sequence", "a\x1b[2\r1Cb\x1b[1\n;31mred"},
	{"cancelled", "a\x1b[31\x18b\x1b[31\x1ac"},
	{"unknown sequences", "a\x1b[99zb\x1b[?9999hc\x1b[>5mx\x1b[=1cd\x1b%Ge\x1b[1;2'zf"},
	{"strings", "a\x1b]0;title\ab\x1b]8;;x\x1b\\c\x1bP1$r0m\x1b\\d\x1b_apc\x1b\\e\x1b^pm\x1b\\f\x1bktitle\x1b\\g"},
	{"queries", "a\x1b[6n\x1b[c\x1b[>c\x1b[5n\x05\x1b[18tb"},
	{"progress bar", "\r[#    ] 20%\r[##   ] 40%\r[#####] 100%\r\n\x1b[Kdone\r\n"},
	{"GRUB", grub},
	{"systemd", systemd},
	{"agetty", agetty},
	{"shell editing", "root@pi:~# ls -l\b\b\b\b\x1b[1P\x1b[1@l\r\nroot@pi:~# \x1b[K\x1b[?2004hmake\b\b\x1b[C\x1b[K"},
	{"dialog", dialog},
	{"htop", htop},
	{"apt", apt},
	{"screen is full", strings.Repeat("\x1b[41m \x1b[42mx", 80*12)},
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "[%5d.%06d] line %d of a kernel's log\r\n", i/10, i*7919%1000000, i)
	}
	return b.String()
}

// lines fills rows with text, without a scroll.
func lines(n int) string {
	var rows []string
	for i := range n {
		rows = append(rows, strings.Repeat(string(rune('a'+i)), 20+i))
	}
	return strings.Join(rows, "\r\n")
}

func colours() string {
	var b strings.Builder
	for i := range 8 {
		fmt.Fprintf(&b, "\x1b[%dmf\x1b[%dmF\x1b[%dmb\x1b[%dmB\x1b[m ", 30+i, 90+i, 40+i, 100+i)
	}
	return b.String() + "\x1b[39;49;31;42mx\x1b[7my\x1b[K"
}

// The rest is what programs send, in short.
const (
	grub = "\x1b[H\x1b[J\x1b[1;1H\x1b[?25l\x1b[m\x1b[2;30HGNU GRUB  version 2.06\r\n\r\n" +
		"\x1b[m\x1b[4;2H+----------------------------------------------------------------------------+" +
		"\x1b[5;2H|\x1b[5;79H|\x1b[6;2H|\x1b[6;79H|\x1b[7;2H+----------------------------------------------------------------------------+" +
		"\x1b[m\x1b[18;2H\x1b[19;2H\x1b[m     Use the ^ and v keys to select which entry is highlighted.          \r\n" +
		"      Press enter to boot the selected OS, `e' to edit the commands      \r\n" +
		"\x1b[5;80H \x1b[7m\x1b[5;3H*Debian GNU/Linux                                                           \x1b[m\x1b[5;78H\x1b[m" +
		"\x1b[m\x1b[6;3H Advanced options for Debian GNU/Linux                                      \x1b[m" +
		"\x1b[5;78H\x1b[22;1H   The highlighted entry will be executed automatically in 5s.                 \x1b[5;78H" +
		"\x1b[22;1H   The highlighted entry will be executed automatically in 4s.                 \x1b[5;78H" +
		"\x1b[?25h\x1b[H\x1b[J\x1b[1;1HLoading Linux 6.1.0-amd64 ...\r\nLoading initial ramdisk ...\r\n"
	systemd = "\r\nWelcome to \x1b[1;34mDebian GNU/Linux 12 (bookworm)\x1b[0m!\r\n\r\n" +
		"[\x1b[0;32m  OK  \x1b[0m] Created slice \x1b[0;1;39msystem-getty.slice\x1b[0m - Slice /system/getty.\r\n" +
		"         Starting \x1b[0;1;39mmodprobe@fuse.service\x1b[0m - Load Kernel Module fuse...\r\n" +
		"[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mnetworking.service\x1b[0m - Raise network interfaces.\r\n" +
		"See 'systemctl status networking.service' for details.\r\n" +
		"[\x1b[0;1;33mDEPEND\x1b[0m] Dependency failed for \x1b[0;1;39mnfs.service\x1b[0m.\r\n" +
		"\x1b[K[\x1b[0;31m*     \x1b[0m] (1 of 2) A start job is running for… (5s / 1min 30s)\r" +
		"\x1b[K[\x1b[0;1;31m*\x1b[0m\x1b[0;31m*    \x1b[0m] (1 of 2) A start job is running for… (6s / 1min 30s)\r" +
		"\x1b[K[\x1b[0;32m  OK  \x1b[0m] Finished \x1b[0;1;39mdev-disk.device\x1b[0m.\r\n"
	agetty = "\x1b[?2004l\r\r\nDebian GNU/Linux 12 pi-042 ttyS0\r\n\r\npi-042 login: root\r\nPassword: \r\n" +
		"Linux pi-042 6.1.0 #1 SMP\r\n\x1b[?2004hroot@pi-042:~# \x1b[01;34mbin\x1b[0m  \x1b[01;32mrun.sh\x1b[0m"
	dialog = "\x1b[?1049h\x1b[22;0;0t\x1b[1;24r\x1b(B\x1b[m\x1b[4l\x1b[?7h\x1b[H\x1b[2J\x1b[37m\x1b[44m\x1b[1m\x1b[1;2HPackage configuration\x1b[2;2H\x1b(0" +
		"qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq\x1b(B\x1b[0m\x1b[30m\x1b[47m\x1b[8;20H\x1b(0lqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqk\x1b(B" +
		"\x1b[9;20H\x1b(0x\x1b(B Which services should be restarted?  \x1b(0x\x1b(B\x1b[30m\x1b[40m  \x1b[10;20H\x1b[30m\x1b[47m\x1b(0x\x1b(B\x1b[38X\x1b[10;59H\x1b(0x\x1b(B" +
		"\x1b[11;20H\x1b(0mqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj\x1b(B\x1b[12;22H\x1b[37m\x1b[41m<Ok>\x1b[39;49m\x1b(B\x1b[m"
	htop = "\x1b[?1049h\x1b[1;24r\x1b(B\x1b[m\x1b[4l\x1b[?7h\x1b[?1h\x1b=\x1b[?25l\x1b[39;49m\x1b(B\x1b[m\x1b[H\x1b[2J\x1b[2d  \x1b[36m  0\x1b[39m\x1b(B\x1b[m\x1b[1m[\x1b[32m||||\x1b[31m||\x1b[30m\x1b[1m      12.5%\x1b[39m]\x1b(B\x1b[m" +
		"\x1b[3;3H\x1b[36mMem\x1b[39m\x1b(B\x1b[m\x1b[1m[\x1b[32m|||\x1b[34m|\x1b[33m|\x1b[30m\x1b[1m   512M/3.79G\x1b[39m]\x1b(B\x1b[m\x1b[6d\x1b[30m\x1b[42m  PID USER      PRI  NI  VIRT   RES\x1b[30m\x1b[46m  CPU%\x1b[30m\x1b[42m  Command\x1b[K" +
		"\x1b[7;1H\x1b[30m\x1b[46m    1 root       20   0  166M 12.0M   0.0  /sbin/init\x1b[K\x1b[39;49m\x1b(B\x1b[m\r\x1b[8d  412\x1b[9X\x1b[8;15H20\x1b[24;1HF1\x1b[30m\x1b[46mHelp  \x1b[39;49m\x1b(B\x1b[mF10\x1b[30m\x1b[46mQuit\x1b[K\x1b[39;49m\x1b(B\x1b[m"
	apt = "Reading package lists... 0%\r\rReading package lists... 100%\r\rReading package lists... Done\r\n" +
		"\x1b[1;23r\x1b[23;1H\x1b7\x1b[24;0f\x1b[42m\x1b[30mProgress: [ 12%]\x1b[49m\x1b[39m [######..........] \x1b8Unpacking foo (1.2-3) ...\r\nSetting up foo (1.2-3) ...\r\n" +
		"\x1b7\x1b[24;0f\x1b[42m\x1b[30mProgress: [100%]\x1b[49m\x1b[39m [################] \x1b8\x1b7\x1b[0;24r\x1b8\x1b[1A\x1b[J"
)
