package mix

import "testing"

// What projects write for Node.js in .nvmrc, .tool-versions and engines.
func TestNodeLine(t *testing.T) {
	for asked, want := range map[string]string{
		"22.11.0": "v22.11.0", "v18.20.4": "v18.20.4", "22": "latest-v22.x", "v20": "latest-v20.x", "20.9": "latest-v20.x",
		"lts/*": "latest-v24.x", "lts/Jod": "latest-v22.x", "lts-iron": "latest-v20.x", "lts/unheard": "", "node": "latest-v24.x",
		">=18": "latest-v24.x", ">= 18.0.0 < 21": "latest-v20.x", "^20.9.0": "latest-v20.x", "~16.14": "latest-v16.x", "22.x": "latest-v22.x",
		"^18 || ^20": "latest-v20.x", "18 - 20": "latest-v20.x", "<17": "latest-v16.x", "<=16.20": "latest-v16.x", "<16.5": "latest-v16.x",
		">16": "latest-v24.x", ">22 <24": "latest-v23.x", "23": "latest-v23.x", ">=14 <=16 || 19": "latest-v19.x", "*": "latest-v24.x",
		">=30": "", "": "", "banana": "", "^20 and more": "", "../../etc": "",
	} {
		if got := nodeLine(asked); got != want {
			t.Errorf("%q stands for %q, want %q", asked, got, want)
		}
	}
}

// What installs packages, and what runs one's scripts.
func TestInstallsPackages(t *testing.T) {
	for command, want := range map[string]bool{
		"npm ci": true, "npm install --prefix assets": true, "cmd --cd assets npm i": true, "yarn": true, "yarn install --immutable": true,
		"yarn --cwd assets": true, "yarn --cwd assets install": true, "yarn --frozen-lockfile": true, "cd assets && yarn && yarn run build": true,
		"yarn run deploy:js": false, "yarn --cwd assets run build": false, "yarn deploy": false, "npm run build": false, "node build.js": false,
	} {
		if got := installsPackages.MatchString(command); got != want {
			t.Errorf("%s: %v", command, got)
		}
	}
}

// What a range stands for is a name of a directory and nothing else.
func FuzzNodeLine(f *testing.F) {
	f.Add(">=18.0 <21 || ^22.x - 24")
	f.Add("lts/*")
	f.Fuzz(func(t *testing.T, asked string) {
		got := nodeLine(asked)
		for _, c := range []byte(got) {
			if c != '.' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				t.Errorf("%q stands for %q", asked, got)
			}
		}
		if len(got) > len("latest-v999.x") {
			t.Errorf("%q stands for %q", asked, got)
		}
	})
}
