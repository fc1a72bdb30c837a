import Base
import OrderedCollections

/// What one GGUF file says before its tensor data: metadata and the directory of tensors.
struct GGUFHeader {
  let file: MappedFile
  let version: Int
  let metadata: OrderedDictionary<String, MetadataValue>
  /// Tensors in file order, their ranges checked against the file and against each other.
  let tensors: [TensorEntry]

  /// Reads and checks a file's header; no byte of tensor data is touched. Where `isModel` is false, the
  /// file need not name an architecture.
  init(reading file: MappedFile, isModel: Bool = true) throws(FileError) {
    self = try file.withSpan { (bytes) throws(FileError) in
      var reader = GGUFReader(file: file, bytes: bytes)
      return try reader.header(bytes, isModel: isModel)
    }
  }

  init(
    file: MappedFile, version: Int, metadata: OrderedDictionary<String, MetadataValue>,
    tensors: [TensorEntry]
  ) {
    self.file = file
    self.version = version
    self.metadata = metadata
    self.tensors = tensors
  }
}
