// Gaussian noise: y = x + N(0, scale²) in training, y = x in prediction. numbers: scale.
//
// Numbers 2i and 2i + 1 of the batch, counted along its rows, come from the first two words of block i by Box and
// Muller: √(−2 ln u₁)·cos(2π u₂) and √(−2 ln u₁)·sin(2π u₂), in double, as `Stream.normal` draws them.
#pragma once

#include "activations.hpp"

namespace pellucid::PELLUCID_ISA {

// The normal numbers of blocks `first` … `first` + 7.
inline void normal_numbers(const Stream& stream, std::uint64_t first, double (&numbers)[16]) {
    Blocks words[4];
    philox(stream, first, words);
    double uniform[2][8];
    for (int w = 0; w < 2; ++w)
        for (int block = 0; block < 8; ++block)
            uniform[w][block] = (static_cast<double>(words[w][block]) + 0.5) * 0x1p-32;
    for (Index block = 0; block < 8; block += lanes<double>) {
        const Vector<double> radius = square_root<double>(-2.0 * logarithm<double>(load<double>(uniform[0] + block)));
        const Direction<double> direction = direction_of<double>(load<double>(uniform[1] + block));
        const Vector<double> cosine = radius * direction.cosine, sine = radius * direction.sine;
        for (Index lane = 0; lane < lanes<double>; ++lane) {
            numbers[2 * (block + lane)] = cosine[lane];
            numbers[2 * (block + lane) + 1] = sine[lane];
        }
    }
}

template <typename T> inline void gaussian_noise_forward(const Work<T>& work, const Layer<T>& layer) {
    const Index width = layer.spec->outputs;
    const double scale = layer.spec->numbers[0];
    if (layer.input.data != layer.output.data)
        map<T>(work, width, layer.input, layer.output, [](Vector<T> x) { return x; });
    if (!work.training || scale == 0.0) return;
    work.meet();  // what was copied above is not what is drawn for below
    const Stream stream{work.seed, Purpose::layer, static_cast<std::uint32_t>(layer.spec->number), work.step};
    const Range mine = share(work.rows, work.part, work.parts);
    double numbers[16];
    for (Index row = mine.begin; row < mine.end; ++row)
        for (Index column = 0, count = 0; column < width; column += count) {
            const Index place = (work.first_row + row) * width + column, group = place / 16 * 16;
            count = smaller_of(width - column, group + 16 - place);
            normal_numbers(stream, static_cast<std::uint64_t>(group / 2), numbers);
            for (Index j = column; j < column + count; ++j) {
                T& y = layer.output.at(j / panel<T>, row)[j % panel<T>];
                y += static_cast<T>(scale * numbers[place - group + j - column]);
            }
        }
}

template <typename T>
constexpr LayerCode<T> gaussian_noise_code{
    .name = "gaussian_noise",
    .numbers = 1,
    .in_place = true,
    .forward = gaussian_noise_forward<T>,
    .backward = identity_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
