package netboottest

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// TestOutcomes runs machines with and without a flaw on servers with and
// without what the flaw needs.
func TestOutcomes(t *testing.T) {
	none := func(*server) {}
	tests := []struct {
		name string
		pi   Pi
		set  func(*server)
		want error
	}{
		{"3B", Pi{}, none, nil},
		{"3B needs three spaces", Pi{}, func(s *server) { s.text = "Raspberry Pi Boot" }, ErrGaveUp},
		{"3B+ needs no spaces", Pi{Model: rpi.Model3BPlus}, func(s *server) { s.text = "Raspberry Pi Boot" }, nil},
		{"3B with option 66", Pi{}, func(s *server) { s.noVendor, s.option66 = true, "192.0.2.1" }, nil},
		{"3B with a name in option 66", Pi{}, func(s *server) { s.noVendor, s.option66 = true, "boot.example" }, ErrGaveUp},
		{"3B takes the last of 43 and 66", Pi{}, func(s *server) { s.option66 = "192.0.2.99" }, ErrGaveUp},
		{"3B ignores siaddr", Pi{}, func(s *server) { s.noVendor = true }, ErrGaveUp},
		{"3B behind a relay", Pi{}, func(s *server) { s.hops = 1 }, ErrGaveUp},
		{"3B+ behind a relay", Pi{Model: rpi.Model3BPlus}, func(s *server) { s.hops = 1 }, nil},
		{"receive bug with wake-up", Pi{RxBug: true}, none, nil},
		{"receive bug without", Pi{RxBug: true}, func(s *server) { s.noNudge = true }, ErrGaveUp},
		{"3B+ has no receive bug", Pi{Model: rpi.Model3BPlus, RxBug: true}, func(s *server) { s.noNudge = true }, nil},
		{"ARP-mute and slow", Pi{AckDelay: 10 * time.Millisecond}, func(s *server) { s.neighbor = 5 * time.Second }, ErrStalled},
		{"ARP-mute and slow, neighbour pinned", Pi{AckDelay: 10 * time.Millisecond}, none, nil},
		{"ARP answered", Pi{AckDelay: 10 * time.Millisecond, ARP: ARPAlways}, func(s *server) { s.neighbor = 5 * time.Second }, nil},
		{"4 takes siaddr", Pi{Model: rpi.Model4}, func(s *server) { s.noVendor = true }, nil},
		{"4 takes option 43", Pi{Model: rpi.Model4}, func(s *server) { s.noNextServer = true }, nil},
		{"4 without a server", Pi{Model: rpi.Model4}, func(s *server) { s.noVendor, s.noNextServer = true, true }, ErrGaveUp},
		{"4 with its own text", Pi{Model: rpi.Model4, BootText: "Ours"}, func(s *server) { s.noNextServer, s.text = true, "Ours" }, nil},
		{"4 with its own text and another's server", Pi{Model: rpi.Model4, BootText: "Ours"}, func(s *server) { s.noNextServer = true }, ErrGaveUp},
		{"pad option", Pi{Model: rpi.Model4}, func(s *server) { s.pad, s.noNextServer = true, true }, nil},
		{"pad option, old parser", Pi{Model: rpi.Model4, OldParser: true}, func(s *server) { s.pad, s.noNextServer = true, true }, ErrGaveUp},
		{"NAK", Pi{Model: rpi.Model4}, func(s *server) { s.nak = true }, ErrGaveUp},
		{"4 waits for what is silent", Pi{Model: rpi.Model4}, func(s *server) { s.silent = true }, ErrStalled},
		{"no options understood", Pi{Model: rpi.Model4}, func(s *server) { s.noOptions = true }, nil},
		{"nobody", Pi{Model: rpi.Model5}, func(s *server) { s.dead = true }, ErrGaveUp},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{files: BootTree(max(tt.pi.Model, rpi.Model3B), 600<<10)}
				tt.set(s)
				tt.pi.Link = start(t, s)
				boot, err := tt.pi.Run(t.Context())
				if tt.want != nil {
					require.ErrorIs(t, err, tt.want)
					require.Empty(t, boot.Kernel)
					return
				}
				require.NoError(t, err)
				require.NoError(t, boot.Verify(s.files))
			})
		})
	}
}

func TestGivesUpAfterFiveDiscovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		boot, err := Pi{Link: start(t, &server{dead: true}), OnStep: func(s Step) {
			if s.Kind == StepDiscover {
				at = append(at, time.Since(began))
			}
		}}.Run(t.Context())
		require.ErrorIs(t, err, ErrGaveUp)
		const s = time.Second
		require.Equal(t, []time.Duration{0, 5 * s, 10 * s, 15 * s, 20 * s}, at)
		require.Equal(t, 25*s, boot.Took)
		require.Equal(t, 5, boot.Discovers)
	})
}

func TestTimeScale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boot, err := Pi{Link: start(t, &server{dead: true}), Model: rpi.Model4, TimeScale: 0.1}.Run(t.Context())
		require.ErrorIs(t, err, ErrGaveUp)
		require.Equal(t, 4500*time.Millisecond, boot.Took)
		require.Equal(t, 12, boot.Discovers, "every 4 s in 45 s")
	})
}

// TestReceiveBugTiming moves one frame over the time after the OFFER.
func TestReceiveBugTiming(t *testing.T) {
	for _, tt := range []struct {
		frames []int // after the DISCOVER, in milliseconds
		boots  bool
	}{
		{[]int{600, 1200}, true},
		{[]int{600}, false},  // none after a second
		{[]int{1200}, false}, // a gap of more than a second before it
		{[]int{900, 1001}, true},
		{[]int{600, 1700}, false}, // a gap between the two
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{files: BootTree(rpi.Model3B, 1000), noNudge: true}
			client := start(t, s)
			mac := hwAddr{0xb8, 0x27, 0xeb, 0x20, 0x30, 0x40} // of the default serial number
			for _, ms := range tt.frames {
				time.AfterFunc(time.Duration(ms)*time.Millisecond, func() {
					_ = s.link.Send(append(append(mac[:], serverMAC[:]...), 0x08, 0x42))
				})
			}
			boot, err := Pi{Link: client, RxBug: true}.Run(t.Context())
			if tt.boots {
				require.NoError(t, err)
				require.Equal(t, 2, boot.Discovers)
			} else {
				require.ErrorIs(t, err, ErrGaveUp, "frames at %v", tt.frames)
			}
		})
	}
}

func TestBlockCounterEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const block, size = 64, 70000 * 64
		p := Pi{Model: rpi.Model4, BlockSize: block}
		p.Link = start(t, &server{files: BootTree(rpi.Model4, size)})
		boot, err := p.Run(t.Context())
		require.NoError(t, err)
		f, ok := boot.File("kernel8.img")
		require.True(t, ok)
		require.EqualValues(t, size, f.Bytes)

		p.NoRollover = true
		boot, err = p.Run(t.Context())
		require.ErrorIs(t, err, ErrTruncated)
		f, _ = boot.File("start4.elf")
		require.EqualValues(t, firmwareSize, f.Bytes, "it is below the limit")
		f, _ = boot.File("kernel8.img")
		require.Equal(t, Truncated, f.Outcome)
		require.EqualValues(t, 65535*block, f.Bytes)
	})
}

func TestOperatingSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{files: BootTree(rpi.Model4, 1000), twoAddresses: true}
		rec := &recordingLink{Link: start(t, s)}
		boot, err := Pi{Link: rec, Model: rpi.Model4, OS: true}.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, clientIP, boot.Addr)
		require.Equal(t, otherIP, boot.OSAddr)
		require.Len(t, rec.dhcp, 4, "DISCOVER and REQUEST, twice")
		for i, wants := range [][]byte{{optClass, optGUID}, {optGUID}, {optClientID}, {optClientID}} {
			var codes []byte
			for _, o := range parseOptions(rec.dhcp[i][fixedPart+4:], false) {
				codes = append(codes, o.code)
			}
			require.Subset(t, codes, wants)
			require.Equal(t, i == 0, slices.Contains(codes, optClass), "only the EEPROM's DISCOVER has a vendor class")
		}
	})
}

func TestPowerOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("switched off")
		ctx, off := context.WithCancelCause(t.Context())
		time.AfterFunc(7*time.Second, func() { off(why) })
		boot, err := Pi{Link: start(t, &server{dead: true})}.Run(ctx)
		require.ErrorIs(t, err, why)
		require.Equal(t, 7*time.Second, boot.Took)
		require.Equal(t, 2, boot.Discovers)
	})
}

func TestConfig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := fstest.MapFS{
			"start4.elf":   {Data: []byte("elf")},
			"config.txt":   {Data: []byte("[pi5]\nkernel=wrong\n[pi4]\nkernel=vmlinuz\n[all]\ninitramfs initrd.img followkernel\n")},
			"initrd.img":   {Data: []byte("initrd")},
			"vmlinuz":      {Data: []byte("kernel")},
			"kernel8.img":  {Data: []byte("not this one")},
			"pieeprom.upd": {Data: []byte("flash")},
		}
		link := start(t, &server{files: files, updates: true})
		boot, err := Pi{Link: link, Model: rpi.Model4}.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "10203040/vmlinuz", boot.Kernel)
		require.Equal(t, []string{"10203040/pieeprom.upd"}, boot.Updates)
		f, ok := boot.File("initrd.img")
		require.True(t, ok)
		require.Equal(t, Got, f.Outcome)

		delete(files, "vmlinuz")
		_, err = Pi{Link: link, Model: rpi.Model4}.Run(t.Context())
		require.ErrorIs(t, err, ErrNoKernel)
		files["vmlinuz"] = &fstest.MapFile{}
		_, err = Pi{Link: link, Model: rpi.Model4}.Run(t.Context())
		require.ErrorIs(t, err, ErrNoKernel, "it is empty")
		delete(files, "start4.elf")
		_, err = Pi{Link: link, Model: rpi.Model4}.Run(t.Context())
		require.ErrorIs(t, err, ErrNoFile)
	})
}

func TestRefusesNonsense(t *testing.T) {
	a, _ := Pipe()
	for _, p := range []Pi{{}, {Link: a, Model: 99}, {Link: a, MAC: []byte{1, 2}}} {
		boot, err := p.Run(t.Context())
		require.Error(t, err)
		require.NotNil(t, boot)
	}
}

func TestAnswersARP(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a, b := Pipe()
			s := newStack(t.Context(), a, hwAddr{1})
			s.addr, s.deaf = clientIP, deaf
			ask := arp{op: arpRequest, senderMAC: serverMAC, senderIP: serverIP, targetIP: clientIP}
			require.NoError(t, b.Send(ask.frame(broadcastMAC)))
			require.NoError(t, s.idle(time.Now().Add(time.Second)))
			require.NoError(t, b.SetReadDeadline(time.Now().Add(time.Second)))
			frame, err := b.Recv()
			if deaf {
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.Equal(t, 1, s.unanswered)
				return
			}
			require.NoError(t, err)
			got, ok := parseARP(frame)
			require.True(t, ok)
			require.Equal(t, arp{op: arpReply, senderMAC: s.mac, senderIP: clientIP, targetMAC: serverMAC, targetIP: serverIP}, got)
		})
	}
}
