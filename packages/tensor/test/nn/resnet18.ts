import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from "../../src/nn/index.js";
import type { Tensor } from "../../src/tensor.js";

/** Two 3x3 convolutions beside a shortcut, with the field names of torchvision's BasicBlock. */
export class BasicBlock extends Module<Tensor, Tensor> {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly relu = new ReLU();
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample: Module<Tensor, Tensor> | undefined;

  constructor(inputs: number, outputs: number, stride: number) {
    super();
    this.conv1 = new Conv2d(inputs, outputs, { kernelSize: 3, stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(outputs);
    this.conv2 = new Conv2d(outputs, outputs, { kernelSize: 3, padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(outputs);
    if (stride !== 1 || inputs !== outputs) {
      this.downsample = new Sequential(
        new Conv2d(inputs, outputs, { kernelSize: 1, stride, bias: false }),
        new BatchNorm2d(outputs),
      );
    }
  }

  forward(x: Tensor): Tensor {
    const inner = this.relu.call(this.bn1.call(this.conv1.call(x)));
    const y = this.bn2.call(this.conv2.call(inner));
    return this.relu.call(y.add(this.downsample ? this.downsample.call(x) : x));
  }
}

function stage(inputs: number, outputs: number, stride: number) {
  return new Sequential(new BasicBlock(inputs, outputs, stride), new BasicBlock(outputs, outputs, 1));
}

/** ResNet-18 (He et al., 2015) with the field names of torchvision's; `width` is the number of channels of the first stage. */
export class ResNet18 extends Module<Tensor, Tensor> {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly relu = new ReLU();
  readonly maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
  readonly layer1: Module<Tensor, Tensor>;
  readonly layer2: Module<Tensor, Tensor>;
  readonly layer3: Module<Tensor, Tensor>;
  readonly layer4: Module<Tensor, Tensor>;
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly flatten = new Flatten();
  readonly fc: Linear;

  constructor({ width = 64, classes = 1000 }: { width?: number; classes?: number } = {}) {
    super();
    this.conv1 = new Conv2d(3, width, { kernelSize: 7, stride: 2, padding: 3, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.layer1 = stage(width, width, 1);
    this.layer2 = stage(width, width * 2, 2);
    this.layer3 = stage(width * 2, width * 4, 2);
    this.layer4 = stage(width * 4, width * 8, 2);
    this.fc = new Linear(width * 8, classes);
  }

  forward(x: Tensor): Tensor {
    let y = this.maxpool.call(this.relu.call(this.bn1.call(this.conv1.call(x))));
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) y = layer.call(y);
    return this.fc.call(this.flatten.call(this.avgpool.call(y)));
  }
}
