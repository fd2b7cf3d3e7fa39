package wedge

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// sysInput is where the kernel describes input devices (Linux: input/input.rst).
const sysInput = "/sys/class/input"

// eventNodes are the nodes of the readers that the selector names, present now. All nodes of a
// device are among them: a reader with media keys beside its keyboard is held as a whole. sys and
// dev are the folders to look in.
func eventNodes(s Selector, sys, dev string) []string {
	if s.Path != "" {
		node, err := filepath.EvalSymlinks(s.Path)
		if err != nil {
			return nil
		}
		return []string{node}
	}
	found, _ := filepath.Glob(filepath.Join(sys, "event*"))
	var nodes []string
	for _, entry := range found {
		vendor, err1 := strconv.ParseUint(attribute(entry, "id/vendor"), 16, 16)
		product, err2 := strconv.ParseUint(attribute(entry, "id/product"), 16, 16)
		if err1 != nil || err2 != nil {
			continue // on its way in or out
		}
		if s.matches(uint16(vendor), uint16(product), attribute(entry, "uniq")) {
			nodes = append(nodes, filepath.Join(dev, filepath.Base(entry)))
		}
	}
	return nodes
}

// attribute is one fact about an input device. Nothing is sent to the device.
func attribute(entry, name string) string {
	raw, err := os.ReadFile(filepath.Join(entry, "device", name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}
