package systemd

// MessageCertificateEnds is the id, in the journal's catalogue, of a certificate that ends within a
// month or has ended.
const MessageCertificateEnds = "b7d1c5a04e2f4f0c9a6b3d8e51f07c24"
