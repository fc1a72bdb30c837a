import Foundation

/// Where tests find what is not part of the project: the shared references and the real model.
///
/// Under `CI=true` a missing reference fails the test; elsewhere it is skipped with a line saying so.
public enum References {
  /// The folder that holds Package.swift.
  public static let package: String = {
    var url = URL(fileURLWithPath: #filePath)
    while url.path != "/" {
      url.deleteLastPathComponent()
      if FileManager.default.fileExists(atPath: url.appendingPathComponent("Package.swift").path) {
        return url.path
      }
    }
    return FileManager.default.currentDirectoryPath
  }()

  /// A file or folder of the project.
  public static func file(_ path: String) -> String { "\(package)/\(path)" }

  /// A file or folder of the shared references, or nil after saying that the test is skipped.
  public static func shared(_ path: String) throws -> String? {
    let root = environment["ROPECONV_SHARED"] ?? "\(package)/../shared"
    return try available("\(root)/\(path)", what: "shared/\(path)")
  }

  /// The folders of shared/parity whose family the project reads; the others are still refused.
  public static let parityFamilies = [
    "llama", "llama-tied-llama3", "llama-yarn", "mistral-window", "qwen2", "qwen3", "gemma3",
    "gpt2", "gpt-neox", "phi3", "olmo2", "deepseek-v2-mla", "nemotron", "hunyuan",
    "gemma2", "cohere2", "smollm3", "exaone4", "olmo3", "ministral3",
    "mixtral", "qwen2-moe", "qwen3-moe", "qwen3-5", "olmoe", "granite-moe", "deepseek-v2-moe",
    "deepseek-v3", "glm4-moe", "gpt-oss", "deepseek-v4-sliding", "deepseek-v4",
    "glm4", "stablelm", "starcoder2", "falcon", "phi", "gptj", "ernie4-5", "seed-oss", "gemma4",
  ]

  /// SmolLM2-135M-Instruct.Q4_1.gguf, or nil after saying that the test is skipped.
  public static func smolLM2() throws -> String? {
    let path = environment["ROPECONV_SMOLLM2"] ?? "\(package)/.build-references/smollm2.gguf"
    return try available(path, what: "the SmolLM2 checkpoint (Tests/References/fetch)")
  }

  /// llama.cpp's programs, or nil after saying that the test is skipped. Never fails: the peer is
  /// built by hand (docs/performance.md), not by CI.
  public static func peer(_ program: String) -> String? {
    guard let folder = environment["ROPECONV_PEER"] else {
      print("skipped: no peer (set ROPECONV_PEER to llama.cpp's bin folder)")
      return nil
    }
    let path = "\(folder)/\(program)"
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
  }

  public static var environment: [String: String] { ProcessInfo.processInfo.environment }

  private static func available(_ path: String, what: String) throws -> String? {
    if FileManager.default.fileExists(atPath: path) { return path }
    if environment["CI"] == "true" { throw MissingReference(what: what, path: path) }
    print("skipped: \(what) is not there")
    return nil
  }

  public struct MissingReference: Error, CustomStringConvertible {
    let what: String
    let path: String
    public var description: String { "\(what) is missing at \(path), which CI must have" }
  }

  /// A folder of its own for one test, removed by the caller.
  public static func temporaryFolder() throws -> String {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("ropeconv-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url.path
  }
}
