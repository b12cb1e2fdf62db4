/** Constants of the Java Object Serialization stream protocol, version 5. */
export const STREAM_MAGIC = 0xaced
export const STREAM_VERSION = 5
export const HEADER_BYTES = 4
/** The number of the first handle. */
export const FIRST_HANDLE = 0x7e0000

export const TC_NULL = 0x70
export const TC_REFERENCE = 0x71
export const TC_CLASSDESC = 0x72
export const TC_OBJECT = 0x73
export const TC_STRING = 0x74
export const TC_ARRAY = 0x75
export const TC_CLASS = 0x76
export const TC_BLOCKDATA = 0x77
export const TC_ENDBLOCKDATA = 0x78
export const TC_BLOCKDATALONG = 0x7a
export const TC_LONGSTRING = 0x7c
export const TC_ENUM = 0x7e

// Signature characters of field types and array components.
export const TYPE_BYTE = 0x42
export const TYPE_CHAR = 0x43
export const TYPE_DOUBLE = 0x44
export const TYPE_FLOAT = 0x46
export const TYPE_INT = 0x49
export const TYPE_LONG = 0x4a
export const TYPE_OBJECT = 0x4c
export const TYPE_SHORT = 0x53
export const TYPE_BOOLEAN = 0x5a
export const TYPE_ARRAY = 0x5b
