/// What can be wrong with one kind of file: an enumeration with one documented case per fault.
///
/// Each format has its own, beside its reader: a new format brings its faults and changes nothing
/// here.
public protocol Fault: Sendable, Equatable {
  /// What is wrong, what was found and what was expected, in one line without a full stop.
  var summary: String { get }
  /// What the user can do about it.
  var hint: String? { get }
  var exitStatus: ExitStatus { get }
}

extension Fault {
  /// No hint.
  public var hint: String? { nil }
  /// That of malformed data.
  public var exitStatus: ExitStatus { .malformedData }
}

/// A fault in reading or writing a file: what kind, in which file and where in it.
public struct FileError: Diagnostic, Equatable {
  /// What kind of fault it is.
  public let fault: any Fault
  /// The file that the error speaks of.
  public let path: String
  /// Where in the file.
  public let part: ErrorPlace

  /// An error about a file, or about a place in it.
  public init(_ fault: some Fault, file: String, place: ErrorPlace = .whole) {
    self.fault = fault
    path = file
    part = place
  }

  /// The file that the error speaks of.
  public var file: String? { path }
  /// Where in the file; nil for the whole file.
  public var place: String? { part.description }
  /// What is wrong, in one line.
  public var summary: String { fault.summary }
  /// What the user can do about it; nil where there is nothing to say.
  public var hint: String? { fault.hint }
  /// The exit status of a command that ends with it.
  public var exitStatus: ExitStatus { fault.exitStatus }

  /// Whether both tell of equal faults of one kind, at the same place of the same file.
  public static func == (one: FileError, other: FileError) -> Bool {
    func same<F: Fault>(_ fault: F) -> Bool { other.fault as? F == fault }
    return one.path == other.path && one.part == other.part && same(one.fault)
  }
}

extension FileError {
  /// An input file or folder cannot be read at all.
  public static func input(_ fault: InputFault, file: String) -> FileError {
    FileError(fault, file: file)
  }

  /// JSON text is not what it must be.
  public static func json(_ fault: JSONFault, file: String, place: ErrorPlace) -> FileError {
    FileError(fault, file: file, place: place)
  }
}
