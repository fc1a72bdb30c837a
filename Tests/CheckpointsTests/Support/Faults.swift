import Base
import Checkpoints
import Testing

/// The error of opening these bytes as a file of this name; nil if it opens.
func fault(opening bytes: [UInt8], as name: String) throws -> FileError? {
  let folder = try ScratchFolder()
  let path = try folder.add(name, bytes)
  do {
    _ = try Checkpoint.open(path)
    return nil
  } catch {
    // Every error is one line and names the file.
    #expect(error.file == path)
    #expect(!error.summary.isEmpty && !error.summary.contains("\n"))
    return error
  }
}

/// Checks that opening these bytes as a GGUF file fails with this fault, at this place.
func expect(
  _ expected: GGUFFault, at place: ErrorPlace? = nil, opening file: GGUFBytes,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  try expect(expected, at: place, opening: file.bytes, sourceLocation: sourceLocation)
}

func expect(
  _ expected: GGUFFault, at place: ErrorPlace? = nil, opening bytes: [UInt8],
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  guard let error = try fault(opening: bytes, as: "model.gguf") else {
    Issue.record("opened without an error", sourceLocation: sourceLocation)
    return
  }
  #expect(error.exitStatus.rawValue == 65, sourceLocation: sourceLocation)
  guard let found = error.fault as? GGUFFault else {
    Issue.record("\(error)", sourceLocation: sourceLocation)
    return
  }
  #expect(found == expected, sourceLocation: sourceLocation)
  if let place { #expect(error.part == place, sourceLocation: sourceLocation) }
}

/// Checks that opening these bytes as a safetensors file fails with this fault.
func expect(
  _ expected: SafetensorsFault, opening bytes: [UInt8],
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  guard let error = try fault(opening: bytes, as: "model.safetensors") else {
    Issue.record("opened without an error", sourceLocation: sourceLocation)
    return
  }
  #expect(error.exitStatus.rawValue == 65, sourceLocation: sourceLocation)
  guard let found = error.fault as? SafetensorsFault else {
    Issue.record("\(error)", sourceLocation: sourceLocation)
    return
  }
  #expect(found == expected, sourceLocation: sourceLocation)
}

/// The error that a body throws; records an issue when it throws none.
func checkpointError(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> FileError? {
  do {
    try body()
    Issue.record("no error", sourceLocation: sourceLocation)
    return nil
  } catch let error as FileError {
    return error
  } catch {
    Issue.record("\(error)", sourceLocation: sourceLocation)
    return nil
  }
}

/// The error of a block that may also succeed; nil where it does.
func errorIfAny(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> FileError? {
  do {
    try body()
    return nil
  } catch let error as FileError {
    return error
  } catch {
    Issue.record("\(error)", sourceLocation: sourceLocation)
    return nil
  }
}

/// The operations after the renaming: opening the folder and flushing it, which are no error of an
/// output that is in place.
let operationsAfterRenaming = 2
