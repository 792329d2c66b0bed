package distro_test

import (
	"testing"

	"dram/internal/distro"
)

func TestProvider(t *testing.T) {
	for _, tt := range []struct {
		of         distro.Part
		name, want string
	}{
		{distro.Header, "zlib.h", "zlib1g-dev"},
		{distro.Header, "openssl/evp.h", "libssl-dev"},
		{distro.Header, "netinet/sctp.h", "libsctp-dev"},
		{distro.Header, "netinet/in.h", ""},
		{distro.Header, "google/protobuf/any.h", "libprotobuf-dev"},
		{distro.Header, "mine.h", ""},
		{distro.Header, "openssl", ""},
		{distro.Library, "z", "zlib1g-dev"},
		{distro.Library, "crypto", "libssl-dev"},
		{distro.Library, "zz", ""},
		{distro.Library, "-", ""},
		{distro.Module, "OpenSSL", "libssl-dev"},
		{distro.Module, "libxml-2.0", "libxml2-dev"},
		{distro.Module, "", ""},
	} {
		if got := distro.Provider(tt.of, tt.name); got != tt.want {
			t.Errorf("%d %q: %q, want %q", tt.of, tt.name, got, tt.want)
		}
	}
}
