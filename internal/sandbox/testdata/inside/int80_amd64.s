#include "textflag.h"

// func int80() int64: getpid by the way of 32-bit programs.
TEXT ·int80(SB), NOSPLIT, $0-8
	MOVQ	$20, AX
	BYTE	$0xcd; BYTE $0x80 // INT $0x80
	MOVQ	AX, ret+0(FP)
	RET
