/// What a GGUF file may hold, tested before anything is allocated.
enum GGUFLimits {
  static let magic: [UInt8] = Array("GGUF".utf8)
  static let versions: ClosedRange<UInt32> = 2...3
  static let keyLength = 65_535
  /// ggml keeps names in 64 bytes with a terminating NUL.
  static let tensorNameLength = 63
  static let dimensions = 4
  static let arrayDepth = 8
  static let defaultAlignment = 32
  static let smallestAlignment = 8
  static let largestAlignment = 1 << 20
  /// Whether tensors may be aligned to so many bytes: a power of two within the limits.
  static func isAlignment(_ bytes: UInt32) -> Bool {
    (smallestAlignment...largestAlignment).contains(Int(bytes)) && bytes.nonzeroBitCount == 1
  }
  /// Key length, one character, type, one byte.
  static let smallestKeyRecord = 8 + 1 + 4 + 1
  /// Name length, one character, number of dimensions, type, offset.
  static let smallestTensorRecord = 8 + 1 + 4 + 4 + 8
}

/// Keys that say how a GGUF file is laid out.
package enum GGUFKey {
  package static let alignment = "general.alignment"
  package static let architecture = "general.architecture"
  /// What the file holds; a model where it is missing.
  package static let type = "general.type"
  /// What the model is called.
  package static let name = "general.name"
  /// What stands before the keys of one file of several.
  package static let splitPrefix = "split."
  /// The version of this program in files that it wrote, by which they are known as ours.
  package static let ownVersion = "ropeconv.version"
}
