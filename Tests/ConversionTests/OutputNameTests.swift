import Conversion
import Foundation
import Rotary
import TestSupport
import Testing

@Suite struct OutputNameTests {
  @Test(arguments: [
    ("model.gguf", "keep", "model.qkvo.gguf"),
    ("a/SmolLM2-135M-Instruct.Q4_1.gguf", "keep", "a/SmolLM2-135M-Instruct.Q4_1.qkvo.gguf"),
    ("a/SmolLM2-135M-Instruct.Q4_1.gguf", "q8_0", "a/SmolLM2-135M-Instruct.qkvo-Q8_0.gguf"),
    ("Llama-3-8B-f16.gguf", "q4_k_m", "Llama-3-8B.qkvo-Q4_K_M.gguf"),
    ("/model-IQ4_NL.gguf", "bf16", "/model.qkvo-BF16.gguf"),
    ("x.tar.zst", "keep", "x.qkvo.tar.zst"),
    ("m", "keep", "m.qkvo.gguf"),
    ("./m", "f16", "./m.qkvo-F16.gguf"),
    ("a/.m", "keep", "a/.m.qkvo.gguf"),
    ("a/s-00001-of-00004.gguf", "keep", "a/s.qkvo.gguf"),
    ("s-Q8_0-00001-of-00004.gguf", "q4_0", "s.qkvo-Q4_0.gguf"),
    ("part/model.safetensors", "q4_0", "part/model.qkvo-Q4_0.gguf"),
    ("part/model.safetensors", "f16", "part/model.qkvo-F16/"),
    ("part/model.safetensors", "keep", "part/model.qkvo/"),
    ("part/MODEL.SAFETENSORS", "keep", "part/MODEL.qkvo/"),
  ])
  func namesBesideFiles(input: String, type: String, expected: String) throws {
    #expect(
      try OutputName.beside(input, sites: .all, type: try OutputTypes(parsing: type)) == expected)
  }

  @Test func namesBesideFolders() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for input in [work, work + "/"] {
      #expect(try OutputName.beside(input, sites: .all, type: .keep) == "\(work).qkvo/")
      #expect(
        try OutputName.beside(input, sites: .all, type: try OutputTypes(parsing: "q4_k_m"))
          == "\(work).qkvo-Q4_K_M.gguf")
    }
  }
}
