import Foundation

extension References {
  /// A copy of a Hugging Face folder with another config.json, its weights linked.
  /// - Parameter change: edits the members of config.json, as Foundation reads them.
  public static func folder(
    like source: String, at path: String, _ change: (inout [String: Any]) -> Void
  ) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: "\(path)/model.safetensors", withDestinationPath: "\(source)/model.safetensors")
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(source)/config.json"))
    var members = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    change(&members)
    try JSONSerialization.data(withJSONObject: members)
      .write(to: URL(fileURLWithPath: "\(path)/config.json"))
  }
}
