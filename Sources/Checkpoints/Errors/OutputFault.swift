import Base
import Tensors

/// Why an output could not be created or written.
public enum OutputFault: Fault {
  /// The output exists, and it was not asked to replace it.
  case exists
  /// The output is the input, a hard link to it or a symbolic link to it.
  case isInput(input: String)
  /// The output's folder does not exist or may not be written.
  case cannotCreate(reason: String)
  /// The config.json in the output's place describes other weights, which stay beside it.
  case configurationOfOther(weights: String)
  /// A folder stands where the file is to be, or a file where the folder is to be.
  case wrongKind(expected: String)
  /// The file system has less free space than the output needs.
  case noSpace(needed: Int, free: Int)
  /// The operating system refused to write, flush or rename.
  case systemError(operation: String, reason: String)
  /// The operating system refused it while files of an older output were being replaced, and to undo
  /// it: what is not in place waits in a folder.
  case unfinished(operation: String, reason: String, staged: String)
  /// Another process has written it since this one began.
  case changedMeanwhile
  /// Another output of the same call, named by its option, has the same path.
  case isOutput(of: String)
  /// The container cannot hold this element type.
  case typeNotStorable(type: ElementType, container: String)
  /// A tensor's shape is not one that the container or its type can hold.
  case shapeNotStorable(shape: [Int], type: ElementType)
  /// A name, key or number is not one that the container can hold.
  case notStorable(problem: String)
  /// Two tensors, or two files of a folder, have the same name.
  case duplicateName
  /// A tensor's contents have another size than its type and shape say.
  case contentsSize(expected: Int, found: Int)

  /// What is wrong, in one line.
  public var summary: String {
    switch self {
    case .exists: "the output exists"
    case .isInput(let input): "the output is the input \(quoted(input))"
    case .cannotCreate(let reason): "cannot be created: \(reason)"
    case .configurationOfOther(let weights):
      "cannot be replaced: it describes \(quoted(weights)) too"
    case .wrongKind(let expected): "cannot be created: it exists and is not a \(expected)"
    case .noSpace(let needed, let free):
      "not enough free space: \(needed) bytes needed, \(free) free"
    case .systemError(let operation, let reason): "\(operation) failed: \(reason)"
    case .unfinished(let operation, let reason, let staged):
      "\(operation) failed: \(reason), and so did undoing it; files of the old output and of the new one wait in "
        + quoted(staged)
    case .changedMeanwhile: "another process has written it meanwhile"
    case .isOutput(let other): "\(other) is written to the same file"
    case .typeNotStorable(let type, let container):
      "element type \(type.rawValue) cannot be stored in \(container)"
    case .shapeNotStorable(let shape, let type):
      "shape [\(shape.map(String.init).joined(separator: ", "))] "
        + "cannot be stored as \(type.rawValue)"
    case .notStorable(let problem): problem
    case .duplicateName: "the output would hold the same name twice"
    case .contentsSize(let expected, let found):
      "contents have \(found) bytes: expected \(expected)"
    }
  }

  /// How to get one of two outputs out of a folder in which files of both wait.
  static let bothWait =
    "for the old one move its files older-NAME back to NAME, for the new one all others"

  /// What the user can do about it; nil where there is nothing to say.
  public var hint: String? {
    switch self {
    case .isInput, .isOutput: "choose another output"
    case .configurationOfOther: "write the model into a folder of its own"
    case .unfinished: Self.bothWait
    default: nil
    }
  }

  /// The exit status of a command that ends with it.
  public var exitStatus: ExitStatus {
    switch self {
    case .exists, .isInput, .isOutput, .changedMeanwhile, .cannotCreate, .wrongKind,
      .configurationOfOther:
      .cannotCreate
    case .noSpace, .systemError, .unfinished: .inputOutput
    case .typeNotStorable, .shapeNotStorable, .notStorable, .duplicateName: .malformedData
    case .contentsSize: .internalError
    }
  }
}

extension FileError {
  /// An output cannot be created or written.
  package static func output(_ fault: OutputFault, file: String, place: ErrorPlace) -> FileError {
    FileError(fault, file: file, place: place)
  }
}
