import Tensors

/// Why an input could not be opened or read as any checkpoint.
public enum InputFault: Sendable, Equatable {
  /// No file or folder has this path.
  case notFound
  /// The file exists but may not be read.
  case notReadable(reason: String)
  /// The path names a device, a pipe or a socket.
  case notRegularFile
  /// The operating system failed to open, map or read the file.
  case systemError(operation: String, reason: String)
  /// The file ended before a range that its size promised when it was opened.
  case truncatedWhileRead(expected: Int, found: Int)
  /// The file has no bytes.
  case empty
  /// The file is the small text Git LFS leaves in place of a large file.
  case gitLFSPointer
  /// Neither the name nor the first bytes say what the file is.
  case unknownFormat
  /// A JSON or text file is larger than the program is ready to hold in memory.
  case tooLargeForMemory(bytes: Int, limit: Int)
  /// Rows outside a tensor, or rows that do not start on a block, were asked for.
  case rowsOutOfRange(tensor: String, asked: Range<Int>, rows: Int)

  public var summary: String {
    switch self {
    case .notFound: "no such file or folder"
    case .notReadable(let reason): "cannot be read: \(reason)"
    case .notRegularFile: "is neither a regular file nor a folder"
    case .systemError(let operation, let reason): "\(operation) failed: \(reason)"
    case .truncatedWhileRead(let expected, let found):
      "ended while it was read: expected \(expected) more bytes, found \(found)"
    case .empty: "the file is empty: expected a checkpoint, found 0 bytes"
    case .gitLFSPointer: "is a Git LFS pointer, not the file it stands for"
    case .unknownFormat: "is not a GGUF file, a safetensors file, a model folder or an archive"
    case .tooLargeForMemory(let bytes, let limit):
      "is too large: \(bytes) bytes, at most \(limit) are read"
    case .rowsOutOfRange(let tensor, let asked, let rows):
      "rows \(asked.lowerBound)..<\(asked.upperBound) of tensor \(quoted(tensor)) "
        + "with \(rows) rows cannot be read"
    }
  }

  public var hint: String? {
    switch self {
    case .gitLFSPointer: "fetch the file itself with 'git lfs pull'"
    default: nil
    }
  }

  public var exitStatus: ExitStatus {
    switch self {
    case .notFound, .notReadable: .noInput
    case .systemError, .truncatedWhileRead: .inputOutput
    case .rowsOutOfRange: .internalError
    case .notRegularFile, .empty, .gitLFSPointer, .unknownFormat,
      .tooLargeForMemory:
      .malformedData
    }
  }
}
