"""Words that the text generator builds topics from: domains, and syllables for invented names."""

from __future__ import annotations

DOMAINS: dict[str, tuple[str, str]] = {
    "payments": (
        "ledger invoice refund chargeback settlement merchant reconciliation surcharge mandate "
        "payout dispute voucher escrow tariff receipt remittance",
        "账单 发票 退款 结算 商户 对账 手续费 凭证 汇款 收据",
    ),
    "databases": (
        "index migration replica transaction cursor partition schema trigger deadlock vacuum "
        "snapshot constraint shard join checkpoint tablespace",
        "索引 迁移 副本 事务 分区 模式 触发器 快照 约束 分片",
    ),
    "web": (
        "component router stylesheet hydration middleware form cookie session layout bundle "
        "modal accessibility breakpoint websocket cache redirect",
        "组件 路由 样式 表单 会话 布局 弹窗 缓存 页面 脚本",
    ),
    "embedded": (
        "firmware interrupt sensor register bootloader watchdog actuator encoder oscillator "
        "buffer transceiver voltage solder pinout scheduler telemetry",
        "固件 中断 传感器 寄存器 电压 执行器 调度 振荡器 焊接 引脚",
    ),
    "statistics": (
        "regression estimator variance sample prior posterior residual quantile bootstrap "
        "covariate likelihood outlier kernel hypothesis interval cohort",
        "回归 方差 样本 先验 残差 分位数 协变量 似然 假设 区间",
    ),
    "algebra": (
        "matrix eigenvalue polynomial group ring basis kernel determinant lattice permutation "
        "field homomorphism subspace quotient factorisation generator",
        "矩阵 特征值 多项式 群 环 基 行列式 置换 子空间 因式",
    ),
    "geometry": (
        "triangle tangent polygon chord circumference vertex bisector projection ellipse angle "
        "diagonal centroid hyperbola altitude tessellation radius",
        "三角形 切线 多边形 弦 圆周 顶点 角平分线 椭圆 对角线 半径",
    ),
    "mechanics": (
        "torque friction momentum pendulum lever inertia spring acceleration pulley collision "
        "damping trajectory gear viscosity bearing flywheel",
        "扭矩 摩擦 动量 摆 杠杆 惯性 弹簧 加速度 碰撞 齿轮",
    ),
    "chemistry": (
        "catalyst solvent titration polymer isomer buffer oxidation ligand distillate crystal "
        "electrolyte reagent yield precipitate esterification alloy",
        "催化剂 溶剂 滴定 聚合物 异构体 氧化 配体 晶体 电解质 试剂",
    ),
    "medicine": (
        "dosage symptom biopsy antibody referral infusion fracture screening placebo ward "
        "diagnosis triage anaesthetic lesion vaccine rehabilitation",
        "剂量 症状 活检 抗体 转诊 骨折 筛查 病房 诊断 疫苗",
    ),
    "law": (
        "clause plaintiff statute injunction tenancy liability deposition arbitration appeal "
        "trustee covenant affidavit jurisdiction settlement easement licence",
        "条款 原告 法规 禁令 租约 责任 仲裁 上诉 管辖 许可",
    ),
    "cooking": (
        "dough marinade broth glaze simmer ferment batter spice oven garnish stock reduction "
        "custard pickle yeast skillet",
        "面团 腌料 高汤 发酵 香料 烤箱 配菜 酱汁 泡菜 酵母",
    ),
    "gardening": (
        "seedling compost trellis pruning mulch rootstock irrigation greenhouse perennial aphid "
        "soil hedge orchard graft bulb cutting",
        "幼苗 堆肥 修剪 砧木 灌溉 温室 多年生 蚜虫 土壤 果园",
    ),
    "travel": (
        "itinerary ferry hostel visa layover luggage trail campsite timetable reservation "
        "border guide harbour platform excursion souvenir",
        "行程 渡轮 旅馆 签证 转机 行李 步道 营地 时刻表 港口",
    ),
    "history": (
        "dynasty treaty siege archive guild reform uprising census chronicle trade parliament "
        "estate colony inscription manuscript harvest",
        "王朝 条约 围城 档案 行会 改革 起义 人口 编年史 贸易",
    ),
    "fiction": (
        "protagonist chapter dialogue setting villain twist narrator epilogue scene rival "
        "memory prophecy letter lighthouse stranger voyage",
        "主角 章节 对白 场景 反派 转折 叙述者 结局 回忆 旅人",
    ),
    "marketing": (
        "campaign headline audience newsletter slogan funnel segment landing persona survey "
        "banner retention referral launch brand testimonial",
        "标题 受众 通讯 口号 漏斗 细分 问卷 横幅 留存 品牌",
    ),
    "hiring": (
        "interview résumé onboarding vacancy reference salary appraisal probation recruiter "
        "skill rota contract feedback mentor shortlist promotion",
        "面试 简历 入职 职位 薪资 考核 试用期 合同 反馈 导师",
    ),
    "logistics": (
        "pallet warehouse dispatch carrier customs manifest route forklift backorder depot "
        "container freight barcode consignment dock inventory",
        "托盘 仓库 调度 承运人 海关 路线 集装箱 货运 条码 库存",
    ),
    "energy": (
        "turbine inverter grid transformer battery insulation heat-pump tariff feeder "
        "substation curtailment meter boiler panel load emission",
        "涡轮 逆变器 电网 变压器 电池 热泵 变电站 电表 锅炉 排放",
    ),
    "languages": (
        "conjugation vowel idiom dialect syllable grammar accent preposition plural subtitle "
        "translation tone pronoun tense loanword spelling",
        "动词 元音 成语 方言 音节 语法 口音 介词 复数 拼写",
    ),
    "music": (
        "chord melody tempo rehearsal score cadence harmony drumming reverb quartet arrangement "
        "tuning chorus sonata metronome mixing",
        "和弦 旋律 节奏 排练 乐谱 终止式 和声 混响 编曲 合唱",
    ),
    "networks": (
        "subnet gateway latency firewall packet tunnel handshake resolver proxy certificate "
        "throughput switch beacon routing telemetry quorum",
        "子网 网关 延迟 防火墙 数据包 隧道 握手 证书 吞吐 路由",
    ),
    "biology": (
        "enzyme genome membrane mutation protein neuron habitat pollinator chromosome bacteria "
        "predator receptor hormone larva canopy migration",
        "酶 基因组 细胞膜 突变 蛋白质 神经元 栖息地 染色体 细菌 激素",
    ),
}
"""Domain: its nouns in English, and in Chinese."""

ONSETS = (
    "b", "br", "c", "ch", "cl", "d", "dr", "f", "fl", "g", "gl", "gr", "h", "j", "k", "kr",
    "l", "m", "n", "p", "pl", "qu", "r", "s", "sh", "sk", "sl", "st", "t", "th", "tr", "v",
    "w", "y", "z", "zh",
)  # fmt: skip
NUCLEI = (
    "a", "e", "i", "o", "u", "ai", "au", "ea", "ei", "ia", "io", "oa", "ou", "ue", "y",
)  # fmt: skip
CODAS = (
    "b", "ck", "d", "f", "g", "l", "lm", "ln", "m", "n", "nd", "ng", "nt", "p", "r", "rk",
    "rn", "rt", "s", "ss", "st", "t", "th", "x",
)  # fmt: skip

HAN_FIRST = "林沈陆白顾温叶乔宁柏景澜云岚青墨安嘉瑞鸿庆海东南北西新华长江金玉山石"
HAN_NEXT = "川河泉原岭湾桥镇城堡台楼港浦峰谷溪塘洲渡陵坊关亭田野岛林池苑里屯坡沟井"
"""Characters of invented Chinese names: the first, and those after it."""

CYRILLIC = (
    "ва", "ле", "ор", "ти", "на", "ско", "ми", "ре", "га", "ду", "лов", "ний", "ста", "пе",
    "чи", "зор", "бел", "кра", "гро", "вин",
)  # fmt: skip
"""Syllables of invented Cyrillic names."""

CODE_VERBS = (
    "load", "parse", "merge", "fetch", "build", "sync", "resolve", "flush", "encode", "walk",
    "split", "rank", "clamp", "emit", "patch", "validate", "group", "trim", "probe", "queue",
)  # fmt: skip
UNITS = (
    "ms", "kg", "km", "%", "MB", "euros", "units", "hours", "mm", "rows", "litres", "volts",
    "points", "pages", "degrees",
)  # fmt: skip
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
