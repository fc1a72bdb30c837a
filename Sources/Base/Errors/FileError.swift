/// What can be wrong with one kind of file: an enumeration with one documented case per fault.
///
/// Each format has its own, beside its reader: a new format brings its faults and changes nothing
/// here.
package protocol Fault: Sendable, Equatable {
  /// What is wrong, what was found and what was expected, in one line without a full stop.
  var summary: String { get }
  /// What the user can do about it.
  var hint: String? { get }
  var exitStatus: ExitStatus { get }
}

extension Fault {
  package var hint: String? { nil }
  package var exitStatus: ExitStatus { .malformedData }
}

/// A fault in reading or writing a file: what kind, in which file and where in it.
package struct FileError: Diagnostic, Equatable {
  package let fault: any Fault
  package let path: String
  package let part: ErrorPlace

  package init(_ fault: some Fault, file: String, place: ErrorPlace = .whole) {
    self.fault = fault
    path = file
    part = place
  }

  package var file: String? { path }
  package var place: String? { part.description }
  package var summary: String { fault.summary }
  package var hint: String? { fault.hint }
  package var exitStatus: ExitStatus { fault.exitStatus }

  package static func == (one: FileError, other: FileError) -> Bool {
    func same<F: Fault>(_ fault: F) -> Bool { other.fault as? F == fault }
    return one.path == other.path && one.part == other.part && same(one.fault)
  }
}

extension FileError {
  /// An input file or folder cannot be read at all.
  package static func input(_ fault: InputFault, file: String) -> FileError {
    FileError(fault, file: file)
  }

  /// JSON text is not what it must be.
  package static func json(_ fault: JSONFault, file: String, place: ErrorPlace) -> FileError {
    FileError(fault, file: file, place: place)
  }
}
