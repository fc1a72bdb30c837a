/// Which files are read of a folder that is given in place of a file.
package enum FolderMembers: String, Sendable {
  /// Texts: a haystack, essays.
  case texts = ".txt"
  /// Tasks of few-shot examples.
  case tasks = ".jsonl"
  /// Data files of families of models.
  case dataFiles = ".json"

  /// How their names end.
  package var ending: String { rawValue }

  /// Whether a file of this name is one of them.
  package func include(_ name: String) -> Bool { name.hasSuffix(ending) }

  /// Their names in a folder, sorted.
  /// - Throws: `InputFault.notReadable` where the folder cannot be listed.
  package func names(in folder: String) throws(FileError) -> [String] {
    try listedNames(folder).filter(include)
  }
}
