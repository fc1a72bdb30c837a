import Foundation

/// Questions about files that reports ask.
enum FileNames {
  static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
