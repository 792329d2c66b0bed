package beam

import (
	"slices"
	"strconv"
	"strings"
)

// Generation is what is known of an OTP release's loader and compiler.
type Generation struct {
	OTP       int    // "27"
	ERTS      string // the version's beginning: "15", "10.0"
	MaxOpcode int    // the highest opcode that its loader takes
	Floor     int    // the lowest "highest opcode" that its compiler writes, 0 if unknown
	// Measured: its loader was asked about each opcode, BIF and encoding here.
	// The others have their opcodes from the headings of genop.tab, and else
	// what follows from measured neighbours that agree: loaders only ever drop
	// what is old and add what is new.
	Measured bool
}

// Generations are those of OTP 17 to 29. Measured were 23.2.6, 25.2.3,
// 27.3.4.1 and 29.1.1, as Debian 11, 12, 13 and forky package them.
func Generations() []Generation {
	return []Generation{
		{OTP: 17, ERTS: "6", MaxOpcode: 158},
		{OTP: 18, ERTS: "7", MaxOpcode: 158},
		{OTP: 19, ERTS: "8", MaxOpcode: 158},
		{OTP: 20, ERTS: "9", MaxOpcode: 159},
		{OTP: 21, ERTS: "10.0", MaxOpcode: 163},
		{OTP: 22, ERTS: "10.4", MaxOpcode: 168},
		{OTP: 23, ERTS: "11", MaxOpcode: 170, Floor: 153, Measured: true},
		{OTP: 24, ERTS: "12", MaxOpcode: 176},
		{OTP: 25, ERTS: "13", MaxOpcode: 180, Floor: 169, Measured: true},
		{OTP: 26, ERTS: "14", MaxOpcode: 182},
		{OTP: 27, ERTS: "15", MaxOpcode: 183, Floor: 171, Measured: true},
		{OTP: 28, ERTS: "16", MaxOpcode: 184, Floor: 177},
		{OTP: 29, ERTS: "17", MaxOpcode: 191, Floor: 181, Measured: true},
	}
}

// LookupGeneration finds an OTP release by its major version.
func LookupGeneration(otp int) (Generation, bool) {
	all := Generations()
	if i := slices.IndexFunc(all, func(g Generation) bool { return g.OTP == otp }); i >= 0 {
		return all[i], true
	}
	return Generation{}, false
}

// OTPOf tells which OTP release an ERTS version belongs to: 27 for "15.2.7".
func OTPOf(erts string) (otp int, ok bool) {
	major, rest, _ := strings.Cut(erts, ".")
	minor, _, _ := strings.Cut(rest, ".")
	x, err := strconv.Atoi(major)
	y, minorErr := strconv.Atoi(minor)
	if err != nil || minorErr != nil || y < 0 {
		return 0, false
	}
	if x == 10 && y < 4 {
		return 21, true // the one major version that two OTP releases share
	}
	all := Generations()
	i := slices.IndexFunc(all, func(g Generation) bool { return g.ERTS == major || x == 10 && g.ERTS == "10.4" })
	if i < 0 {
		return 0, false
	}
	return all[i].OTP, true
}

// OldestFor is the oldest OTP release whose loader takes opcodes up to this
// one; 0 if none does that is known.
func OldestFor(opcode int) int {
	for _, g := range Generations() {
		if opcode <= g.MaxOpcode {
			return g.OTP
		}
	}
	return 0
}

// span is from which to which OTP release something is taken. Between the
// last that refuses and the first that takes it, as between the last that
// takes it and the first that refuses again, nothing is known; nor is anything
// below the first measured.
type span struct {
	refusedTo, takenFrom  int
	takenTo, refusedAgain int // 0: until the last measured
}

const (
	firstMeasured = 23
	lastMeasured  = 29
)

// takes tells whether an OTP release takes it, if that is known.
func (s span) takes(otp int) (taken, known bool) {
	switch {
	case otp <= s.refusedTo, s.refusedAgain != 0 && otp >= s.refusedAgain:
		return false, true
	case otp < s.takenFrom, s.refusedAgain != 0 && otp > s.takenTo:
		return false, false
	}
	return true, s.refusedAgain != 0 || otp <= lastMeasured
}

// retired are the opcodes that loaders refuse from some OTP release on, those
// that genop.tab marks with "-": beam_opcodes:opcode/2 of the four measured
// compilers no longer knows them, and the four loaders refused exactly these
// when each opcode was put to them.
var retired = []struct {
	span
	ops []byte
}{
	{span{takenFrom: 23, refusedAgain: 23}, []byte{
		27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 54, 68, 76, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88,
		93, 110, 126, 127, 128,
	}},
	{span{takenTo: 23, refusedAgain: 25}, []byte{
		70, 71, 116, 122, 123, 130,
	}},
	{span{takenTo: 25, refusedAgain: 27}, []byte{
		14, 15, 17, 94, 95, 103, 150, 151,
	}},
	{span{takenTo: 27, refusedAgain: 29}, []byte{
		89, 90, 91, 92, 109, 111, 131, 134, 135, 137, 144, 145, 146, 147, 148,
	}},
}

// How the loaders take what else differs.
var (
	latin1Atoms   = span{takenTo: 23, refusedAgain: 25}
	lowMaxOpcodes = span{takenTo: 25, refusedAgain: 27} // below minMaxOpcode
	longAtoms     = span{refusedTo: 27, takenFrom: 28}  // OTP 23 even dies of them
	plainLiterals = span{refusedTo: 27, takenFrom: 28}
)

const (
	minMaxOpcode   = 169
	firstUTF8Atoms = 20 // the first OTP release with the chunk "AtU8"; older ones were not measured
)

// The functions of the module erlang that instructions may call as BIFs: those
// of arity 0 to 3 that all measured loaders take, and those that some take.
// Whether the instruction is bif or gc_bif makes no difference to a loader.
const alwaysBIFs = `
!/2 */2 ++/2 +/1 +/2 --/2 -/1 -/2 //2 /=/2 </2 =/=/2 =:=/2 =</2 ==/2 >/2 >=/2 abs/1 adler32/1 adler32/2
adler32_combine/3 and/2 append/2 append_element/2 atom_to_binary/2 atom_to_list/1 band/2 binary_part/2
binary_part/3 binary_to_atom/2 binary_to_existing_atom/2 binary_to_float/1 binary_to_list/1 binary_to_list/3
binary_to_term/1 binary_to_term/2 bit_size/1 bitstring_to_list/1 bnot/1 bor/2 bsl/2 bsr/2 bump_reductions/1
bxor/2 byte_size/1 call_on_load_function/1 cancel_timer/1 cancel_timer/2 ceil/1 check_old_code/1 crc32/1 crc32/2
crc32_combine/3 decode_packet/3 delete_element/2 delete_module/1 demonitor/1 demonitor/2 display/1
dist_ctrl_get_data/1 dist_ctrl_get_data_notification/1 dist_ctrl_get_opt/2 dist_ctrl_input_handler/2
dist_ctrl_put_data/2 dist_ctrl_set_opt/3 dist_get_stat/1 div/2 dt_append_vm_tag_data/1 dt_prepend_vm_tag_data/1
dt_put_tag/1 dt_restore_tag/1 dt_spread_tag/1 element/2 erase/1 error/1 error/2 exit/1 exit/2 exit_signal/2
external_size/1 external_size/2 finish_after_on_load/2 finish_loading/1 float/1 float_to_binary/1
float_to_binary/2 float_to_list/1 float_to_list/2 floor/1 fun_info/2 fun_info_mfa/1 fun_to_list/1
function_exported/3 get/1 get_keys/1 get_module_info/1 get_module_info/2 halt/2 has_prepared_code_on_load/1 hd/1
hibernate/3 insert_element/3 integer_to_binary/1 integer_to_binary/2 integer_to_list/1 integer_to_list/2
iolist_size/1 iolist_to_binary/1 iolist_to_iovec/1 is_atom/1 is_binary/1 is_bitstring/1 is_boolean/1
is_builtin/3 is_float/1 is_function/1 is_function/2 is_integer/1 is_list/1 is_map/1 is_map_key/2 is_number/1
is_pid/1 is_port/1 is_process_alive/1 is_record/2 is_record/3 is_reference/1 is_tuple/1 length/1 link/1
list_to_atom/1 list_to_binary/1 list_to_bitstring/1 list_to_existing_atom/1 list_to_float/1 list_to_pid/1
list_to_port/1 list_to_ref/1 list_to_tuple/1 load_nif/2 localtime_to_universaltime/2 make_fun/3 make_tuple/2
make_tuple/3 map_get/2 map_size/1 match_spec_test/3 md5/1 md5_final/1 md5_update/2 module_loaded/1 monitor/2
monitor_node/2 monitor_node/3 monotonic_time/1 nif_error/1 nif_error/2 node/0 node/1 nodes/1 not/1 or/2 phash/2
phash2/1 phash2/2 pid_to_list/1 port_get_data/1 port_set_data/2 port_to_list/1 posixtime_to_universaltime/1
process_flag/2 process_info/1 process_info/2 put/2 raise/3 read_timer/1 read_timer/2 ref_to_list/1 register/2
rem/2 resume_process/1 round/1 self/0 send/2 send/3 send_after/3 seq_trace/2 seq_trace_info/1 seq_trace_print/1
seq_trace_print/2 setelement/3 setnode/2 size/1 spawn/3 spawn_link/3 spawn_request_abandon/1 split_binary/2
start_timer/3 statistics/1 subtract/2 system_flag/2 system_info/1 system_profile/2 system_time/1
term_to_binary/1 term_to_binary/2 term_to_iovec/1 term_to_iovec/2 throw/1 time_offset/1 tl/1 trace_delivered/1
trace_info/2 trunc/1 tuple_size/1 tuple_to_list/1 unique_integer/1 universaltime_to_localtime/1
universaltime_to_posixtime/1 unlink/1 unregister/1 whereis/1 xor/2`

var (
	steadyBIFs = strings.Fields(alwaysBIFs) // sorted
	otherBIFs  = map[string]span{
		"alias/1":             {refusedTo: 23, takenFrom: 25},
		"binary_to_integer/1": {takenFrom: firstMeasured, takenTo: 25, refusedAgain: 27},
		"binary_to_integer/2": {takenFrom: firstMeasured, takenTo: 25, refusedAgain: 27},
		"display_string/1":    {takenFrom: firstMeasured, takenTo: 25, refusedAgain: 27},
		"display_string/2":    {refusedTo: 25, takenFrom: 27},
		"error/3":             {refusedTo: 23, takenFrom: 25},
		"exit/3":              {refusedTo: 27, takenFrom: 29},
		"exit_signal/3":       {refusedTo: 27, takenFrom: 29},
		"is_integer/3":        {refusedTo: 27, takenFrom: 29},
		"is_record/1":         {refusedTo: 27, takenFrom: 29},
		"link/2":              {refusedTo: 27, takenFrom: 29},
		"list_to_integer/1":   {takenFrom: firstMeasured, takenTo: 25, refusedAgain: 27},
		"list_to_integer/2":   {takenFrom: firstMeasured, takenTo: 25, refusedAgain: 27},
		"max/2":               {refusedTo: 25, takenFrom: 27},
		"min/2":               {refusedTo: 25, takenFrom: 27},
		"monitor/3":           {refusedTo: 23, takenFrom: 25},
		"nodes/2":             {refusedTo: 23, takenFrom: 25},
		"prepare_loading/2":   {takenFrom: firstMeasured, takenTo: 23, refusedAgain: 25},
		"system_monitor/1":    {takenFrom: firstMeasured, takenTo: 27, refusedAgain: 29},
		"system_monitor/2":    {takenFrom: firstMeasured, takenTo: 27, refusedAgain: 29},
		"unalias/1":           {refusedTo: 23, takenFrom: 25},
	}
)

// bifSpan tells where a function can be called as a BIF, if it was measured.
func bifSpan(f Func) (span, bool) {
	if f.Module != "erlang" {
		return span{}, false
	}
	name := strings.TrimPrefix(f.String(), "erlang:")
	if _, ok := slices.BinarySearch(steadyBIFs, name); ok {
		return span{takenFrom: firstMeasured}, true
	}
	s, ok := otherBIFs[name]
	return s, ok
}
