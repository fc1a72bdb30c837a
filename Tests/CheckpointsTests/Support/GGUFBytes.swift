/// Builds the bytes of a GGUF file field by field, so that any of them can be wrong.
struct GGUFBytes {
  struct Tensor {
    var name: [UInt8]
    /// Innermost dimension first, as in the file.
    var dimensions: [UInt64]
    var type: UInt32
    var offset: UInt64
    /// Stands in the file in place of the number of `dimensions`.
    var rank: UInt32?
    var nameLength: UInt64?

    init(
      _ name: String = "t", _ dimensions: [UInt64] = [8], type: UInt32 = 0, offset: UInt64 = 0
    ) {
      self.name = Array(name.utf8)
      self.dimensions = dimensions
      self.type = type
      self.offset = offset
    }
  }

  var magic: [UInt8] = Array("GGUF".utf8)
  var version: UInt32 = 3
  var tensorCount: UInt64?
  var keyCount: UInt64?
  /// Whole records: key, type and value.
  var keys: [[UInt8]] = [GGUFBytes.key("general.architecture", 8, string("llama"))]
  var tensors: [Tensor] = []
  var alignment = 32
  /// The data section.
  var data: [UInt8] = []

  var bytes: [UInt8] {
    var bytes = magic + little(version)
    bytes += little(tensorCount ?? UInt64(tensors.count))
    bytes += little(keyCount ?? UInt64(keys.count))
    for key in keys { bytes += key }
    for tensor in tensors {
      bytes += little(tensor.nameLength ?? UInt64(tensor.name.count)) + tensor.name
      bytes += little(tensor.rank ?? UInt32(tensor.dimensions.count))
      for dimension in tensor.dimensions { bytes += little(dimension) }
      bytes += little(tensor.type) + little(tensor.offset)
    }
    if !data.isEmpty {
      bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
    }
    return bytes + data
  }

  /// A valid file of one tensor of 8 floats.
  static func valid() -> GGUFBytes {
    var file = GGUFBytes()
    file.tensors = [Tensor()]
    file.data = [UInt8](repeating: 0, count: 32)
    return file
  }

  static func key(_ name: String, _ type: UInt32, _ value: [UInt8]) -> [UInt8] {
    string(name) + little(type) + value
  }

  /// A key's value that is an array: element type, length, elements.
  static func array(_ type: UInt32, _ count: UInt64, _ elements: [UInt8]) -> [UInt8] {
    little(type) + little(count) + elements
  }

  static func string(_ text: String) -> [UInt8] {
    little(UInt64(text.utf8.count)) + Array(text.utf8)
  }
}

/// An integer's bytes, lowest first.
func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// The bytes of a safetensors file with this header text.
func safetensors(_ header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
  little(length ?? UInt64(header.utf8.count)) + Array(header.utf8) + data
}
