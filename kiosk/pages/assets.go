package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"sync"
)

//go:embed assets
var embedded embed.FS

// Policy is the Content-Security-Policy under which every page works.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types kiosk"

// Assets are the stylesheet, the script and the icon, to be served under PathAssets. The pages ask
// for them with the version in the query, so they may be cached for ever.
func Assets() fs.FS {
	sub, err := fs.Sub(embedded, "assets")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return sub
}

// version changes whenever an asset does.
var version = sync.OnceValue(func() string {
	sum := sha256.New()
	for _, name := range []string{"kiosk.css", "kiosk.js", "icon.svg"} {
		body, err := fs.ReadFile(Assets(), name)
		if err != nil {
			panic(err) // the files are compiled in
		}
		sum.Write(body)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
})

// asset is the address of one asset.
func asset(name string) string { return PathAssets + name + "?v=" + version() }
