import Tensors

/// A fault in reading or writing a checkpoint: what kind, in which file and where in it.
///
/// The faults of each container are an enumeration of their own, one documented case per fault.
public enum CheckpointError: Diagnostic, Equatable {
  /// An input file or folder cannot be read at all.
  case input(InputFault, file: String)
  /// JSON text is not what it must be.
  case json(JSONFault, file: String, place: ErrorPlace)
  /// A GGUF file is malformed or holds what this program does not read.
  case gguf(GGUFFault, file: String, place: ErrorPlace)
  /// A safetensors file is malformed or holds what this program does not read.
  case safetensors(SafetensorsFault, file: String, place: ErrorPlace)
  /// The files of a model folder or of a sharded model do not fit together.
  case folder(FolderFault, file: String, place: ErrorPlace)
  /// An archive is malformed, or holds what no model needs.
  case archive(ArchiveFault, file: String, place: ErrorPlace)
  /// An output cannot be created or written.
  case output(OutputFault, file: String, place: ErrorPlace)

  public var summary: String {
    switch self {
    case .input(let fault, _): fault.summary
    case .json(let fault, _, _): fault.summary
    case .gguf(let fault, _, _): fault.summary
    case .safetensors(let fault, _, _): fault.summary
    case .folder(let fault, _, _): fault.summary
    case .archive(let fault, _, _): fault.summary
    case .output(let fault, _, _): fault.summary
    }
  }

  public var file: String? {
    switch self {
    case .input(_, let file), .json(_, let file, _), .gguf(_, let file, _),
      .safetensors(_, let file, _), .folder(_, let file, _), .archive(_, let file, _),
      .output(_, let file, _):
      file
    }
  }

  public var place: String? {
    switch self {
    case .input: nil
    case .json(_, _, let place), .gguf(_, _, let place), .safetensors(_, _, let place),
      .folder(_, _, let place), .archive(_, _, let place), .output(_, _, let place):
      place.description
    }
  }

  public var hint: String? {
    switch self {
    case .input(let fault, _): fault.hint
    case .gguf(let fault, _, _): fault.hint
    case .folder(let fault, _, _): fault.hint
    case .archive(let fault, _, _): fault.hint
    case .output(let fault, _, _): fault.hint
    case .safetensors(let fault, _, _): fault.hint
    case .json: nil
    }
  }

  public var exitStatus: ExitStatus {
    switch self {
    case .input(let fault, _): fault.exitStatus
    case .json, .gguf, .safetensors, .folder: .malformedData
    case .archive(let fault, _, _): fault.isSystemFault ? .inputOutput : .malformedData
    case .output(let fault, _, _): fault.exitStatus
    }
  }
}

/// The part of a file an error speaks of.
public enum ErrorPlace: Sendable, Equatable {
  /// The file as a whole.
  case whole
  /// A byte offset from the start of the file.
  case byte(Int)
  /// A metadata key or JSON key, and the byte offset where it or its value stands, if known.
  case key(String, byte: Int?)
  /// A tensor, and the byte offset of the number at fault, if known.
  case tensor(String, byte: Int?)
  /// A member of an archive.
  case member(String)

  /// The text of an error line's parentheses; nil for the whole file.
  public var description: String? {
    switch self {
    case .whole: nil
    case .byte(let offset): "byte \(offset)"
    case .key(let key, let byte): "key \(quoted(key))" + (byte.map { ", byte \($0)" } ?? "")
    case .tensor(let name, let byte):
      "tensor \(quoted(name))" + (byte.map { ", byte \($0)" } ?? "")
    case .member(let name): "member \(quoted(name))"
    }
  }
}

/// Text of a file as an error line shows it: quoted, control characters escaped, cut at 80.
func quoted(_ text: String) -> String {
  var shown = ""
  var count = 0
  for scalar in text.unicodeScalars {
    if count == 80 {
      shown += "..."
      break
    }
    if scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) {
      shown += "\\u{" + String(scalar.value, radix: 16) + "}"
    } else {
      shown.unicodeScalars.append(scalar)
    }
    count += 1
  }
  return "'\(shown)'"
}
