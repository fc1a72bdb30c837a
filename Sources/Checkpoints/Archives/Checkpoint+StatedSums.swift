import Base

extension Checkpoint {
  /// Whether the weights lie as they are in an archive that states sums of them: mapping compared none.
  /// What was unpacked was compared then.
  package var statesSums: Bool { files.contains { $0.stated != nil && !$0.isUnnamed } }

  /// Reads such weights from their start to their end and compares the sums. Evaluations and conversions
  /// do so where they hash the weights.
  /// - Throws: `ArchiveFault` (`memberChecksum`, `differsFromManifest`), naming archive and member.
  package func checkSums() throws(FileError) {
    guard statesSums else { return }
    for file in files { _ = try SourceHash.digest(file) }
  }
}
