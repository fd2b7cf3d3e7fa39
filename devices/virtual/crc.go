package virtual

// crcResidual is what the CRC over data and its complemented, little-endian CRC always gives.
const crcResidual = 0xF0B8

// crc16 is the checksum of frames, configurations and answers: ISO 13239 (reflected polynomial
// 8408, starting at FFFF) without the final complement.
func crc16(data []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, b := range data {
		crc ^= uint16(b)
		for range 8 {
			carry := crc & 1
			crc >>= 1
			if carry != 0 {
				crc ^= 0x8408
			}
		}
	}
	return crc
}
