import Evaluation
import Inference
import Models
import Rotary

extension VariantOptions {
  /// The variant to score a model as, with a warning where that is not what the model is.
  func request(
    for plan: ModelPlan, warning output: OutputOptions
  ) throws -> RotaryRequest {
    let request = try request(for: plan)
    try warnOfSites(request, plan, output)
    return request
  }

  /// Warns where a variant turns sites on or off that the model has not or has.
  func warnOfSites(
    _ request: RotaryRequest, _ plan: ModelPlan, _ output: OutputOptions
  ) throws {
    let target = try plan.rotary.applying(
      RotaryRequest(
        sites: request.sites, valuePairs: request.valuePairs,
        valuePairsByLayer: request.valuePairsByLayer, valueBase: request.valueBase),
      length: plan.shape.context)
    if let warning = SiteChange(from: plan.rotary, to: target)?.warning(for: .scoring) {
      output.warn(warning)
    }
  }
}
