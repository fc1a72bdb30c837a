/// Why an input could not be opened or read as any checkpoint.
public enum InputFault: Fault {
  /// No file or folder has this path.
  case notFound
  /// No file or folder has this path, which looks like ORG/NAME of a model on a hub, nor is that model
  /// in the hub's local cache.
  case hubName(String, missing: String)
  /// A download that is not whole lies there, or beside the path.
  case unfinishedDownload(found: String)
  /// The file exists but may not be read.
  case notReadable(reason: String)
  /// The path names a folder where a file alone is read.
  case isFolder
  /// The path names a device, a pipe or a socket.
  case notRegularFile
  /// The operating system failed to open, map or read the file.
  case systemError(operation: String, reason: String)
  /// The file ended before a range that its size promised when it was opened.
  case truncatedWhileRead(expected: Int, found: Int)
  /// The file was written to, or another one took its place, since it was opened.
  case changedWhileRead
  /// Memory ran out while the file was read.
  case outOfMemory
  /// The file has no bytes.
  case empty
  /// The file is the small text Git LFS leaves in place of a large file.
  case gitLFSPointer
  /// Neither the name nor the first bytes say what the file is.
  case unknownFormat
  /// The file is a text.
  case text
  /// The file is a model's config.json, given without the folder it lies in.
  case configurationAlone
  /// The file holds objects of Python, as PyTorch saves them.
  case pickle
  /// A JSON or text file is larger than the program is ready to hold in memory.
  case tooLargeForMemory(bytes: Int, limit: Int)
  /// Rows outside a tensor, or rows that do not start on a block, were asked for.
  case rowsOutOfRange(tensor: String, asked: Range<Int>, rows: Int)
  /// A finite number of a float64 tensor, which is read as float32, would become infinite.
  case beyondFloat32(value: Double)

  /// What is wrong, in one line.
  public var summary: String {
    switch self {
    case .notFound: "no such file or folder"
    case .hubName(_, let missing):
      "no such file or folder, nor a model of this name in the hub's local cache: there is no"
        + " \(missing)"
    case .unfinishedDownload(let found): "the download is not finished: \(quoted(found))"
    case .notReadable(let reason): "cannot be read: \(reason)"
    case .isFolder: "is a folder, expected a file"
    case .notRegularFile: "is neither a regular file nor a folder"
    case .systemError(let operation, let reason): "\(operation) failed: \(reason)"
    case .truncatedWhileRead(let expected, let found):
      "ended while it was read: expected \(expected) more bytes, found \(found)"
    case .changedWhileRead:
      "was written to, or another file took its place, while it was read: the result is discarded"
    case .outOfMemory: "memory ran out while it was read"
    case .empty: "the file is empty: expected a checkpoint, found 0 bytes"
    case .gitLFSPointer: "is a Git LFS pointer, not the file it stands for"
    case .unknownFormat: "is not a GGUF file, a safetensors file, a model folder or an archive"
    case .text: "is a text, not a model"
    case .configurationAlone: "is a model's configuration, not the model"
    case .pickle: "is a PyTorch checkpoint, which cannot be read here"
    case .tooLargeForMemory(let bytes, let limit):
      "is too large: \(bytes) bytes, at most \(limit) are read"
    case .rowsOutOfRange(let tensor, let asked, let rows):
      "rows \(asked.lowerBound)..<\(asked.upperBound) of tensor \(quoted(tensor)) "
        + "with \(rows) rows cannot be read"
    case .beyondFloat32(let value):
      "holds \(value), which is beyond float32, in which numbers are read"
    }
  }

  /// For files that are shorter than they say.
  public static let cutShortHint =
    "the file may be a copy or download that stopped early: compare its size, fetch it again"

  /// What the user can do about it; nil where there is nothing to say.
  public var hint: String? {
    switch self {
    case .hubName(let name, _): "download it first: hf download \(name)"
    case .unfinishedDownload: "start the download again: it continues where it stopped"
    case .gitLFSPointer: "fetch the file itself with 'git lfs pull'"
    case .configurationAlone: "give the folder it lies in"
    case .changedWhileRead: "start again once nothing else writes to it"
    case .outOfMemory: "a limit of this process (ulimit -v) or of the machine is reached"
    case .pickle: "save the model as safetensors and give its folder"
    default: nil
    }
  }

  /// The exit status of a command that ends with it.
  public var exitStatus: ExitStatus {
    switch self {
    case .notFound, .hubName, .unfinishedDownload, .notReadable, .isFolder: .noInput
    case .systemError, .truncatedWhileRead, .changedWhileRead: .inputOutput
    case .rowsOutOfRange, .outOfMemory: .internalError
    case .notRegularFile, .empty, .gitLFSPointer, .unknownFormat, .text,
      .configurationAlone, .pickle,
      .tooLargeForMemory, .beyondFloat32:
      .malformedData
    }
  }
}
