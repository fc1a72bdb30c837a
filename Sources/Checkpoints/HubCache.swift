import Base
import Foundation

/// Models that a hub's client has downloaded: `models--ORG--NAME/snapshots/COMMIT`, where `refs/main`
/// holds the commit. They are looked for by their names on the hub, on this machine alone.
package enum HubCache {
  /// Whether a text can be the name of a model on a hub: `ORG/NAME`.
  package static func isName(_ text: String) -> Bool {
    text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9][A-Za-z0-9._-]*/) != nil
      && !text.contains("--") && !text.contains("..")
  }

  /// The folder of the model with this name; nil if the text is not such a name or the model is not in
  /// the cache.
  package static func folder(of name: String) -> String? {
    guard isName(name), case .success(let folder) = find(name) else { return nil }
    return folder
  }

  /// The first file or folder that is missing on the way to a model; nil where it is there.
  static func missing(_ name: String) -> String? {
    if case .failure(let missing) = find(name) { missing.path } else { nil }
  }

  /// The name of the model whose snapshot a folder is; nil where it is none.
  package static func name(ofSnapshot folder: String) -> String? {
    let parts = Paths.withoutTrailingSlashes(folder).split(separator: "/").suffix(3).map(
      String.init)
    guard parts.count == 3, parts[1] == "snapshots", parts[0].hasPrefix(prefix) else { return nil }
    return parts[0].dropFirst(prefix.count).split(separator: /--/, maxSplits: 1)
      .joined(separator: "/")
  }

  private static let prefix = "models--"

  /// Bytes of a file that holds a commit, at most; the client writes 40.
  private static let mostBytes = 256

  private struct Missing: Error { let path: String }

  private static func find(_ name: String) -> Result<String, Missing> {
    let model = "\(root)/\(prefix)\(name.replacing("/", with: "--"))"
    for path in [root, model, "\(model)/refs/main"] where FileStamp(path: path) == nil {
      return .failure(Missing(path: path))
    }
    guard let file = try? MappedFile.open("\(model)/refs/main"), file.size <= mostBytes else {
      return .failure(Missing(path: "\(model)/refs/main"))
    }
    let commit = file.withBytes(0..<file.size) { String(decoding: $0, as: UTF8.self) }
      .trimmingCharacters(in: .whitespacesAndNewlines)
    guard commit.wholeMatch(of: /[0-9A-Za-z]+/) != nil else {
      return .failure(Missing(path: "\(model)/refs/main"))
    }
    let folder = "\(model)/snapshots/\(commit)"
    let isThere = FileStamp(path: folder)?.isFolder == true
    return isThere ? .success(folder) : .failure(Missing(path: folder))
  }

  /// The cache's folder, as the hub's own client finds it.
  private static var root: String {
    let environment = ProcessInfo.processInfo.environment
    func path(_ variable: String, _ rest: String) -> String? {
      guard let stated = environment[variable], !stated.isEmpty else { return nil }
      var place = Paths.withoutTrailingSlashes(stated)
      if place == "~" || place.hasPrefix("~/"), let home = environment["HOME"] {
        place = home + place.dropFirst()
      }
      return place + rest
    }
    return path("HF_HUB_CACHE", "") ?? path("HUGGINGFACE_HUB_CACHE", "") ?? path("HF_HOME", "/hub")
      ?? path("XDG_CACHE_HOME", "/huggingface/hub")
      ?? path("HOME", "/.cache/huggingface/hub") ?? "\(NSHomeDirectory())/.cache/huggingface/hub"
  }
}
